#include "value/package.h"

#include <expat.h>
#include <zip.h>

#include "base/limits.h"
#include "base/require.h"

constexpr int CHUNK_BYTES = 32 * 1024;

struct package {
    struct source *source;
    uint64_t at; /** where the archive's reader stands */
    uint64_t bytes;
    zip_error_t error;
    zip_t *zip;
};

struct part {
    zip_file_t *file;
    XML_Parser parser;
    struct part_events events;
    uint64_t bytes_max;
    uint64_t bytes;
    uint32_t depth;
    bool is_paused;
    bool is_at_end;
    const char *fault;
};

/* The archive over a source. */

static zip_int64_t source_read(struct package *package, void *room, uint64_t bytes)
{
    uint64_t done = 0;
    while (done < bytes) {
        size_t got = 0;
        if (!package->source->read(package->source, package->at, (char *)room + done,
                                   (size_t)(bytes - done), &got)) {
            zip_error_set(&package->error, ZIP_ER_READ, 0);
            return -1;
        }
        if (got == 0) break;
        done += got;
        package->at += got;
    }
    return (zip_int64_t)done;
}

static zip_int64_t answer_archive(void *owner, void *room, zip_uint64_t bytes,
                                  zip_source_cmd_t command)
{
    struct package *package = owner;
    switch (command) {
    case ZIP_SOURCE_OPEN:
        package->at = 0;
        return 0;
    case ZIP_SOURCE_READ:
        return source_read(package, room, bytes);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    case ZIP_SOURCE_STAT: {
        zip_stat_t *stat = room;
        zip_stat_init(stat);
        stat->size = package->bytes;
        stat->valid = ZIP_STAT_SIZE;
        return sizeof *stat;
    }
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&package->error, room, bytes);
    case ZIP_SOURCE_SEEK: {
        zip_int64_t at =
            zip_source_seek_compute_offset(package->at, package->bytes, room, bytes, nullptr);
        if (at < 0) return -1;
        package->at = (uint64_t)at;
        return 0;
    }
    case ZIP_SOURCE_TELL:
        return (zip_int64_t)package->at;
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(
            ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
            ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
    default:
        zip_error_set(&package->error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

enum err package_open(struct task *task, struct source *source, struct package **package_out)
{
    if (source->bytes == 0)
        return fail(task, ERR_UNREADABLE, "a workbook cannot be read from a pipe");
    struct package *package = memory_take(sizeof *package);
    package->source = source;
    package->bytes = source->bytes;
    zip_error_init(&package->error);
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *archive = zip_source_function_create(answer_archive, package, &error);
    if (archive != nullptr) {
        package->zip = zip_open_from_source(archive, ZIP_RDONLY, &error);
        if (package->zip == nullptr) zip_source_free(archive);
    }
    bool is_open = package->zip != nullptr;
    int64_t count = is_open ? zip_get_num_entries(package->zip, 0) : 0;
    zip_error_fini(&error);
    if (is_open && count <= PACKAGE_ENTRIES_MAX) {
        *package_out = package;
        return ERR_NONE;
    }
    package_close(package);
    if (is_open)
        return fail(task, ERR_UNREADABLE, "the archive holds more than %u parts",
                    PACKAGE_ENTRIES_MAX);
    return fail(task, ERR_UNREADABLE, "this is no whole zip archive, so no workbook");
}

void package_close(struct package *package)
{
    if (package == nullptr) return;
    if (package->zip != nullptr) zip_discard(package->zip);
    zip_error_fini(&package->error);
    memory_give(package);
}

uint64_t package_position(const struct package *package)
{
    return package->at;
}

/* Parts. */

static str local_name(const char *name)
{
    str whole = str_of(name);
    size_t colon = str_find_byte(whole, ':');
    return colon == SIZE_MAX ? whole : str_from(whole, colon + 1);
}

static void stop(struct part *part, const char *fault)
{
    if (part->fault == nullptr) part->fault = fault;
    (void)XML_StopParser(part->parser, XML_FALSE);
}

static void XMLCALL on_begin(void *owner, const XML_Char *name, const XML_Char **attributes)
{
    struct part *part = owner;
    if (part->fault != nullptr) return;
    if (++part->depth > PACKAGE_DEPTH_MAX) {
        stop(part, "its elements lie too deep in each other");
        return;
    }
    part->events.begin(part->events.owner, local_name(name), attributes);
}

static void XMLCALL on_end(void *owner, const XML_Char *name)
{
    struct part *part = owner;
    if (part->fault != nullptr) return;
    part->depth--;
    part->events.end(part->events.owner, local_name(name));
}

static void XMLCALL on_text(void *owner, const XML_Char *text, int len)
{
    struct part *part = owner;
    if (part->fault == nullptr) part->events.text(part->events.owner, (str){text, (size_t)len});
}

static void XMLCALL on_document_type(void *owner, const XML_Char *, const XML_Char *,
                                     const XML_Char *, int)
{
    stop(owner, "it declares a document type, as no workbook does");
}

void part_pause(struct part *part)
{
    part->is_paused = true;
    (void)XML_StopParser(part->parser, XML_TRUE);
}

static bool part_fail(struct part *part, const char *fault)
{
    if (part->fault == nullptr) part->fault = fault;
    return false;
}

/** Feeds one chunk. */
static enum XML_Status feed(struct part *part)
{
    void *room = XML_GetBuffer(part->parser, CHUNK_BYTES);
    if (room == nullptr) return XML_STATUS_ERROR;
    zip_int64_t got = zip_fread(part->file, room, CHUNK_BYTES);
    if (got < 0) {
        part->fault = "it cannot be unpacked";
        return XML_STATUS_ERROR;
    }
    part->bytes += (uint64_t)got;
    if (part->bytes > part->bytes_max) {
        part->fault = "it unfolds to more than it may";
        return XML_STATUS_ERROR;
    }
    part->is_at_end = got == 0;
    return XML_ParseBuffer(part->parser, (int)got, got == 0);
}

bool part_read(struct part *part, bool *is_over_out)
{
    *is_over_out = false;
    if (part->fault != nullptr) return false;
    enum XML_Status status = XML_STATUS_OK;
    bool was_paused = part->is_paused;
    part->is_paused = false;
    if (was_paused) status = XML_ResumeParser(part->parser);
    while (status == XML_STATUS_OK && !part->is_at_end) status = feed(part);
    if (part->fault != nullptr) return false;
    if (status == XML_STATUS_ERROR) return part_fail(part, "its XML is damaged");
    *is_over_out = status == XML_STATUS_OK;
    return true;
}

const char *part_fault(const struct part *part)
{
    return part->fault;
}

void part_close(struct part *part)
{
    if (part == nullptr) return;
    if (part->parser != nullptr) XML_ParserFree(part->parser);
    if (part->file != nullptr) (void)zip_fclose(part->file);
    memory_give(part);
}

enum err part_open(struct task *task, struct package *package, str name, uint64_t bytes_max,
                   const struct part_events *events, struct part **part_out)
{
    zip_stat_t stat;
    zip_stat_init(&stat);
    const char *path = arena_cstring(task->arena, name);
    if (zip_stat(package->zip, path, ZIP_FL_NOCASE, &stat) != 0)
        return fail(task, ERR_MISSING, "the workbook has no part %s", path);
    uint64_t unfolded_max = stat.comp_size * PACKAGE_RATIO_MAX;
    if (unfolded_max < PACKAGE_RATIO_BYTES) unfolded_max = PACKAGE_RATIO_BYTES;
    if (unfolded_max > bytes_max) unfolded_max = bytes_max;
    if ((stat.valid & ZIP_STAT_SIZE) != 0 && stat.size > unfolded_max)
        return fail(task, ERR_UNREADABLE, "the workbook's part %s unfolds to more than it may",
                    path);
    struct part *part = memory_take(sizeof *part);
    part->events = *events;
    part->bytes_max = unfolded_max;
    part->file = zip_fopen_index(package->zip, stat.index, 0);
    part->parser = XML_ParserCreate(nullptr);
    if (part->file == nullptr || part->parser == nullptr) {
        part_close(part);
        return fail(task, ERR_UNREADABLE, "the workbook's part %s cannot be unpacked", path);
    }
    XML_SetUserData(part->parser, part);
    XML_SetElementHandler(part->parser, on_begin, on_end);
    XML_SetCharacterDataHandler(part->parser, on_text);
    XML_SetStartDoctypeDeclHandler(part->parser, on_document_type);
    *part_out = part;
    return ERR_NONE;
}

enum err part_read_whole(struct task *task, struct package *package, str name, uint64_t bytes_max,
                         const struct part_events *events)
{
    struct part *part;
    TRY(part_open(task, package, name, bytes_max, events, &part));
    bool is_over;
    bool is_read = part_read(part, &is_over);
    const char *fault = part_fault(part);
    require(!is_read || is_over);
    part_close(part);
    if (is_read) return ERR_NONE;
    return fail(task, ERR_UNREADABLE, "the workbook's part %.*s cannot be read: %s", FMT(name),
                fault);
}

str part_attribute(const char **attributes, str name)
{
    for (size_t at = 0; attributes[at] != nullptr; at += 2)
        if (str_eq(local_name(attributes[at]), name)) return str_of(attributes[at + 1]);
    return (str){};
}
