/* No callback of ours looks for other files: nothing is fetched, whatever the file names. */
#include "symbolize/look.h"

#include <fcntl.h>
#include <unistd.h>

#include <elfutils/libdwfl.h>

#include "lib/base/mem.h"

struct debug_file {
    Dwfl *session;
    Dwfl_Module *module;
};

// NOLINTNEXTLINE(readability-function-size): the signature is elfutils'
static int find_nothing(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
                        const char *file, const char *link, GElf_Word crc, char **out)
{
    (void)module;
    (void)data;
    (void)name;
    (void)base;
    (void)file;
    (void)link;
    (void)crc;
    (void)out;
    return -1;
}

static const Dwfl_Callbacks callbacks = {
    .find_debuginfo = find_nothing,
    .section_address = dwfl_offline_section_address,
};

struct debug_file *debug_file_open(int fd)
{
    struct debug_file *file = mem_alloc(sizeof(*file));
    int own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* elfutils closes it */

    file->session = dwfl_begin(&callbacks);
    if (file->session) {
        dwfl_report_begin(file->session);
        file->module = dwfl_report_offline(file->session, "module", "module", own_fd);
        (void)dwfl_report_end(file->session, NULL, NULL); /* a module that failed is NULL */
    }
    if (file->module)
        return file;
    (void)close(own_fd); /* or elfutils did */
    debug_file_close(file);
    return NULL;
}

void debug_file_close(struct debug_file *file)
{
    if (!file)
        return;
    if (file->session)
        dwfl_end(file->session);
    mem_free(file);
}

static void copy_plain(char out[LOOK_TEXT_ROOM], const char *text)
{
    size_t len = 0;

    for (; text && *text && len + 1 < LOOK_TEXT_ROOM; text++)
        out[len++] = (char)((uint8_t)*text > 0x20 && (uint8_t)*text < 0x7f ? *text : '?');
    out[len] = '\0';
}

void debug_file_look(const struct debug_file *file, uint64_t address, struct look *out)
{
    GElf_Addr bias = 0;
    Dwfl_Line *line;

    *out = (struct look){0};
    if (!dwfl_module_getelf(file->module, &bias))
        return;
    copy_plain(out->function, dwfl_module_addrname(file->module, address + bias));
    line = dwfl_module_getsrc(file->module, address + bias);
    if (line)
        copy_plain(out->source, dwfl_lineinfo(line, NULL, &out->line, NULL, NULL, NULL));
}
