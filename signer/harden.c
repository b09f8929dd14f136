/*
 * A filter that names what is refused, with EPERM: a PKCS#11 module does what it likes beside
 * that, so a list of what is allowed would be a list of guesses. Refused are the ways to a
 * network, to other programs, and around the filter itself (io_uring opens sockets without the
 * system call that is filtered).
 */
#include "signer/harden.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define OUR_ARCH AUDIT_ARCH_RISCV64
#else
/* cppcheck-suppress preprocessorErrorDirective ; it is told no processor at all */
#error "the filter of system calls does not know this processor"
#endif

enum { X32_BIT = 0x40000000 }; /* x86-64's second table of the same calls */

/* LeakSanitizer looks into its own process by ptrace. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define REFUSE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
/* If the loaded value is the number, refuse; else the next line. */
#define REFUSE_CALL(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), REFUSE

static struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
#if defined(__x86_64__)
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
    REFUSE,
#endif
    REFUSE_CALL(__NR_execve),
    REFUSE_CALL(__NR_execveat),
#if !IS_SANITIZED
    REFUSE_CALL(__NR_ptrace),
#endif
    REFUSE_CALL(__NR_process_vm_readv),
    REFUSE_CALL(__NR_process_vm_writev),
    REFUSE_CALL(__NR_io_uring_setup),
    REFUSE_CALL(__NR_bpf),
    REFUSE_CALL(__NR_unshare),
    REFUSE_CALL(__NR_setns),
    REFUSE_CALL(__NR_mount),
    REFUSE_CALL(__NR_chroot),
    REFUSE_CALL(__NR_keyctl),
    /* a socket: only of the family UNIX */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 3),
    LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0),
    REFUSE,
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static bool set_filter(struct err *err)
{
    const struct sock_fprog program = {.len = COUNT(filter), .filter = filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_system(err, "could not give up new privileges");
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ||
           err_system(err, "could not filter system calls");
}

bool harden(struct err *err)
{
    const struct rlimit none = {0};

    (void)umask(077);
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return err_system(err, "could not forbid core dumps");
    if (!IS_SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_system(err, "could not forbid being looked into");
    return set_filter(err);
}
