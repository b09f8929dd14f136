#include "lib/os/memory.h"

#include <inttypes.h>
#include <stdio.h>

bool os_memory_available(uint64_t *out_bytes)
{
    FILE *file = fopen("/proc/meminfo", "re");
    char line[128];
    bool found = false;

    if (!file)
        return false;
    while (!found && fgets(line, sizeof(line), file)) {
        uint64_t kib;

        found = sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1;
        if (found)
            *out_bytes = kib << 10;
    }
    (void)fclose(file); /* read only */
    return found;
}
