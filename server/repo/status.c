/* Three tables: warnings by days, thieves by role, and the roles there always are. */
#include "server/repo/status.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

static const int64_t day_ms = 24LL * 3600 * 1000;

/* --- expiry ------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    int64_t days;
} levels[] = {
    [EXPIRY_FAR] = {NULL, INT64_MAX}, [EXPIRY_90] = {"90", 90},
    [EXPIRY_30] = {"30", 30},         [EXPIRY_7] = {"7", 7},
    [EXPIRY_PAST] = {"expired", 0},
};
_Static_assert(COUNT(levels) == EXPIRY_COUNT, "every level has its row");

const char *repo_expiry_name(enum repo_expiry expiry)
{
    ASSERT((unsigned)expiry < EXPIRY_COUNT);
    return levels[expiry].name;
}

enum repo_expiry repo_expiry_of(const struct repo_document *document, int64_t now_ms)
{
    int64_t left_ms = document->expires_ms - now_ms;

    if (left_ms <= 0)
        return EXPIRY_PAST;
    if (repo_role_is_online(document->role))
        return EXPIRY_FAR;
    for (size_t level = EXPIRY_7; level > EXPIRY_FAR; level--) {
        if (left_ms <= levels[level].days * day_ms)
            return (enum repo_expiry)level;
    }
    return EXPIRY_FAR;
}

/* --- thieves -----------------------------------------------------------------------------------
 */

/* The first row whose beginning is the role's. */
static const struct {
    enum repo_kind kind;
    const char *role; /* ends with '-': a prefix */
    const char *power;
} powers[] = {
    {REPO_IMAGE, "root",
     "name new keys for every role: with this server in hand, too, they install anything anywhere"},
    {REPO_IMAGE, "targets",
     "name new signers for images and other trust anchors; a device takes their image only from a"
     " stolen server"},
    {REPO_IMAGE, "snapshot",
     "mix older and newer roles for devices that never saw the newer ones, but sign no image"},
    {REPO_IMAGE, "timestamp",
     "keep devices on what they have for as long as its signature lasts, but sign no image"},
    {REPO_IMAGE, "os-",
     "sign a system for this hardware alone; a device takes it only when the director chooses it"},
    {REPO_IMAGE, "boot-",
     "sign a boot loader for this hardware alone; a device takes it only when the director chooses"
     " it"},
    {REPO_IMAGE, "app-",
     "sign this team's applications and nothing else; a device takes one only when the director"
     " chooses it"},
    {REPO_IMAGE, "config-", "sign settings of this group and nothing that runs"},
    {REPO_IMAGE, "evidence", "sign false reports about images, but no image"},
    {REPO_IMAGE, "",
     "sign what is delegated to this role and nothing else; a device takes it only when the"
     " director chooses it"},
    {REPO_DIRECTOR, "root",
     "name another director, which may choose for every device among the images that are signed"
     " offline"},
    {REPO_DIRECTOR, "",
     "choose for every device among the images that are signed offline for its hardware, never"
     " below a floor"},
};

static bool is_of(const char *role, const char *pattern)
{
    size_t len = strlen(pattern);

    return len == 0 ||
           (pattern[len - 1] == '-' ? text_starts_with(role, pattern) : text_equal(role, pattern));
}

static const char *power_of(enum repo_kind kind, const char *role)
{
    for (size_t i = 0; i < COUNT(powers); i++) {
        if (powers[i].kind == kind && is_of(role, powers[i].role))
            return powers[i].power;
    }
    return "";
}

char *repo_thief_sentence(enum repo_kind kind, const char *role, uint64_t threshold)
{
    const char *power = power_of(kind, role);

    if (threshold <= 1)
        return mem_printf("Whoever has this key can %s.", power);
    return mem_printf("One of these keys alone can do nothing; whoever has %" PRIu64 " can %s.",
                      threshold, power);
}

/* --- the answers -------------------------------------------------------------------------------
 */

json_t *repo_document_json(const struct repo_document *document)
{
    char expires[TEXT_TIME_ROOM];

    if (!document)
        return json_null();
    text_from_time(document->expires_ms, expires);
    return json_pack("{s:I, s:s, s:I}", "version", (json_int_t)document->version, "expires",
                     expires, "length", (json_int_t)document->bytes.len);
}

static void set(json_t *object, const char *name, json_t *value)
{
    int failed = json_object_set_new(object, name, value);

    ASSERT(failed == 0);
}

/* Of a role that nobody delegates to any more, nobody signs. */
static void add_signers(json_t *role, const struct repo_document *document,
                        const struct tuf_published *published)
{
    struct tuf_signers signers;
    json_t *keyids = json_array();
    AUTO_FREE char *thief = NULL;
    struct err err;

    if (!tuf_signers_of(published, document->role, &signers, &err))
        signers = (struct tuf_signers){0};
    for (size_t i = 0; i < signers.count; i++)
        (void)json_array_append_new(keyids, json_string(signers.keyids[i])); /* it cannot fail */
    thief = signers.count
                ? repo_thief_sentence(document->repository, document->role, signers.threshold)
                : mem_strdup("Nobody signs this role any more.");
    set(role, "keyids", keyids);
    set(role, "threshold", json_integer((json_int_t)signers.threshold));
    set(role, "thief", json_string(thief));
}

static json_t *role_json(const struct repo_document *document,
                         const struct tuf_published *published, int64_t now_ms)
{
    const char *warning = repo_expiry_name(repo_expiry_of(document, now_ms));
    int64_t left_ms = document->expires_ms - now_ms;
    json_t *role = repo_document_json(document);

    set(role, "repository", json_string(repo_kind_name(document->repository)));
    set(role, "role", json_string(document->role));
    set(role, "days_left", json_integer(left_ms > 0 ? left_ms / day_ms : 0));
    set(role, "warning", warning ? json_string(warning) : json_null());
    add_signers(role, document, published);
    return role;
}

static void add_roles(json_t *roles, const struct repo_view *view, enum repo_kind kind,
                      int64_t now_ms)
{
    const struct repo_document *document = NULL;
    struct tuf_published published = {0};
    AUTO_FREE struct tuf_named *named = repo_view_delegators(view, kind, &published.count);

    published.roles = named;
    while ((document = repo_view_next_role(view, kind, document)) != NULL)
        (void)json_array_append_new(roles, role_json(document, &published, now_ms));
}

json_t *repo_status_json(const struct repo_view *view, int64_t now_ms)
{
    json_t *status = json_object();
    json_t *roles = json_array();

    for (size_t role = 0; role < TUF_ROLE_COUNT; role++) {
        const char *name = tuf_role_name((enum tuf_role)role);

        set(status, name,
            repo_document_json(view ? repo_view_newest(view, REPO_IMAGE, name) : NULL));
    }
    set(status, "files", json_integer(view ? (json_int_t)view->target_count : 0));
    for (size_t kind = 0; view && kind < REPO_KIND_COUNT; kind++)
        add_roles(roles, view, (enum repo_kind)kind, now_ms);
    set(status, "roles", roles);
    return status;
}

static json_t *index_entry(const struct repo_document *document)
{
    AUTO_FREE char *name =
        text_equal(document->role, "timestamp")
            ? mem_strdup("timestamp.json")
            : mem_printf("%" PRIu64 ".%s.json", document->version, document->role);
    json_t *entry = repo_document_json(document);

    set(entry, "repository", json_string(repo_kind_name(document->repository)));
    set(entry, "role", json_string(document->role));
    set(entry, "name", json_string(name));
    set(entry, "sha256", json_string(document->etag));
    return entry;
}

json_t *repo_index_json(const struct repo_view *view)
{
    json_t *documents = json_array();

    for (size_t kind = 0; view && kind < REPO_KIND_COUNT; kind++) {
        const struct repo_document *document = NULL;

        while ((document = repo_view_next_role(view, (enum repo_kind)kind, document)) != NULL)
            (void)json_array_append_new(documents, index_entry(document)); /* it cannot fail */
    }
    return json_pack("{s:o}", "documents", documents);
}
