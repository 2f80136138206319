/* Building of values: the other half of value/value.h. */
#include "value/value.h"

#include <math.h>
#include <msgpack.h>

#include "base/require.h"

/* The end of msgpack-c's packer: inlined, so a small value is a few stores. */
static int write_packed(void *out, const char *at, size_t len)
{
    buf_put(out, (str){at, len});
    return 0;
}

static msgpack_packer packer_of(struct buf *out)
{
    return (msgpack_packer){.data = out, .callback = write_packed};
}

void pack_nil(struct buf *out)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_nil(&packer);
}

void pack_bool(struct buf *out, bool boolean)
{
    msgpack_packer packer = packer_of(out);
    if (boolean) msgpack_pack_true(&packer);
    else msgpack_pack_false(&packer);
}

void pack_int(struct buf *out, int64_t integer)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_int64(&packer, integer);
}

void pack_float(struct buf *out, double number)
{
    msgpack_packer packer = packer_of(out);
    if (isfinite(number)) msgpack_pack_double(&packer, number);
    else msgpack_pack_nil(&packer);
}

void pack_text(struct buf *out, str text)
{
    require(text.len <= UINT32_MAX);
    msgpack_packer packer = packer_of(out);
    msgpack_pack_str(&packer, text.len);
    buf_put(out, text);
}

void pack_bytes_head(struct buf *out, size_t len)
{
    require(len <= UINT32_MAX);
    msgpack_packer packer = packer_of(out);
    msgpack_pack_bin(&packer, len);
}

void pack_bytes(struct buf *out, str bytes)
{
    pack_bytes_head(out, bytes.len);
    buf_put(out, bytes);
}

void pack_list(struct buf *out, uint32_t count)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_array(&packer, count);
}

void pack_map(struct buf *out, uint32_t count)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_map(&packer, count);
}

void pack_raw(struct buf *out, str encoded)
{
    buf_put(out, encoded);
}

void pack_named_text(struct buf *out, str name, str text)
{
    pack_text(out, name);
    pack_text(out, text);
}

void pack_named_int(struct buf *out, str name, int64_t integer)
{
    pack_text(out, name);
    pack_int(out, integer);
}

void pack_named_id(struct buf *out, str name, struct id id)
{
    pack_text(out, name);
    if (id_is_nil(id)) pack_nil(out);
    else pack_bytes(out, id_bytes(&id));
}

void pack_named_raw(struct buf *out, str name, str encoded)
{
    pack_text(out, name);
    if (encoded.len == 0) pack_nil(out);
    else pack_raw(out, encoded);
}
