/* One small JSON file; a field that is missing says nothing. */
#include "cli/trust/project.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"

enum { PROJECT_BYTES_MAX = 65536, WORD_MAX = 128, HWIDS_MAX = 1024 };

void project_done(struct project *project)
{
    mem_free(project->dir);
    mem_free(project->tenant);
    mem_free(project->profile);
    mem_free(project->product);
    mem_free(project->component);
    json_decref(project->hwids);
    *project = (struct project){0};
}

static bool read_word(const json_t *tree, const char *name, char **out, struct err *err)
{
    const char *text;

    if (!json_field_has(tree, name))
        return true;
    if (!json_field_text(tree, "", name, WORD_MAX, &text, err))
        return false;
    *out = mem_strdup(text);
    return true;
}

static bool read_fields(const json_t *tree, struct project *out, struct err *err)
{
    const json_t *item;
    json_t *hwids;
    size_t i;

    if (!read_word(tree, "tenant", &out->tenant, err) ||
        !read_word(tree, "profile", &out->profile, err) ||
        !read_word(tree, "product", &out->product, err) ||
        !read_word(tree, "component", &out->component, err) ||
        !json_field_array(tree, "", "hwids", HWIDS_MAX, &hwids, err))
        return false;
    json_array_foreach(hwids, i, item)
    {
        if (!json_is_string(item))
            return err_set(err, ERR_INVALID, "hwids holds something that is no text");
    }
    out->hwids = json_incref(hwids);
    return true;
}

bool project_read(const char *dir, struct project *out, struct err *err)
{
    AUTO_FREE char *path = mem_printf("%s/slipway.json", dir);
    AUTO_JSON *tree = NULL;
    AUTO_PROJECT made = {0};
    AUTO_BUF text;

    *out = (struct project){0};
    buf_init(&text, PROJECT_BYTES_MAX);
    if (!file_exists(path))
        return true;
    if (!file_read(path, &text, err) ||
        !json_parse(text.data, text.len, &json_limits_api, &tree, err) ||
        !read_fields(tree, &made, err))
        return err_wrap(err, "'%s'", path);
    made.dir = mem_strdup(dir);
    *out = made;
    made = (struct project){0};
    return true;
}

bool project_write(const struct project *project, struct err *err)
{
    AUTO_FREE char *path = mem_printf("%s/slipway.json", project->dir);
    AUTO_JSON *tree = json_pack("{s:s, s:s, s:s, s:s, s:O}", "tenant", project->tenant, "profile",
                                project->profile, "product", project->product, "component",
                                project->component, "hwids", project->hwids);
    AUTO_FREE char *text = json_text(tree);
    AUTO_FREE char *line = mem_printf("%s\n", text);

    return file_write(path, 0644, line, strlen(line), err);
}
