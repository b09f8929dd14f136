/* A list of what is allowed: reading debug data needs little. Everything else fails with EPERM,
 * which the library takes for a file that it cannot have. */
#include "symbolize/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

/* The sanitizer's own calls are not on the list. */
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
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define ALLOW_CALL(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), ALLOW

static struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
    ALLOW_CALL(__NR_read),
    ALLOW_CALL(__NR_pread64),
    ALLOW_CALL(__NR_write),
    ALLOW_CALL(__NR_writev),
    ALLOW_CALL(__NR_lseek),
    ALLOW_CALL(__NR_fstat),
    ALLOW_CALL(__NR_newfstatat),
    ALLOW_CALL(__NR_close),
    ALLOW_CALL(__NR_fcntl),
    ALLOW_CALL(__NR_mmap),
    ALLOW_CALL(__NR_munmap),
    ALLOW_CALL(__NR_mremap),
    ALLOW_CALL(__NR_mprotect),
    ALLOW_CALL(__NR_madvise),
    ALLOW_CALL(__NR_brk),
    ALLOW_CALL(__NR_futex),
    ALLOW_CALL(__NR_getrandom),
    ALLOW_CALL(__NR_rt_sigprocmask),
    ALLOW_CALL(__NR_rt_sigreturn),
    ALLOW_CALL(__NR_gettid),
    ALLOW_CALL(__NR_getpid),
    ALLOW_CALL(__NR_tgkill),
    ALLOW_CALL(__NR_exit),
    ALLOW_CALL(__NR_exit_group),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
};

bool confine(struct err *err)
{
    const struct sock_fprog program = {.len = COUNT(filter), .filter = filter};
    const struct rlimit none = {0};

    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return err_system(err, "could not forbid core dumps");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_system(err, "could not give up new privileges");
    return IS_SANITIZED || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ||
           err_system(err, "could not filter system calls");
}
