// MessagePack, as far as JSON goes: what a client's library would send and read.

/** The bytes of a value. `{bytes: Buffer}` is written as bytes, `{raw: Buffer}` as it stands. */
export function pack(value) {
    const parts = [];
    put(parts, value);
    return Buffer.concat(parts);
}

function head(parts, count, small, smallMax, first) {
    if (count <= smallMax) parts.push(Buffer.from([small | count]));
    else if (count <= 0xffff) parts.push(Buffer.from([first, count >> 8, count & 0xff]));
    else {
        const bytes = Buffer.alloc(5);
        bytes[0] = first + 1;
        bytes.writeUInt32BE(count, 1);
        parts.push(bytes);
    }
}

function putNumber(parts, number) {
    if (Number.isInteger(number) && number >= 0 && number < 128) {
        parts.push(Buffer.from([number]));
        return;
    }
    const bytes = Buffer.alloc(9);
    if (Number.isSafeInteger(number)) {
        bytes[0] = 0xd3;
        bytes.writeBigInt64BE(BigInt(number), 1);
    } else {
        bytes[0] = 0xcb;
        bytes.writeDoubleBE(number, 1);
    }
    parts.push(bytes);
}

function put(parts, value) {
    if (value === null) parts.push(Buffer.from([0xc0]));
    else if (typeof value === 'boolean') parts.push(Buffer.from([value ? 0xc3 : 0xc2]));
    else if (typeof value === 'number') putNumber(parts, value);
    else if (typeof value === 'string') {
        const bytes = Buffer.from(value, 'utf8');
        head(parts, bytes.length, 0xa0, 31, 0xda);
        parts.push(bytes);
    } else if (Buffer.isBuffer(value.raw)) parts.push(value.raw);
    else if (Buffer.isBuffer(value.bytes)) {
        parts.push(Buffer.from([0xc4, value.bytes.length]), value.bytes);
    } else if (Array.isArray(value)) {
        head(parts, value.length, 0x90, 15, 0xdc);
        for (const item of value) put(parts, item);
    } else {
        const pairs = Object.entries(value).filter(([, item]) => item !== undefined);
        head(parts, pairs.length, 0x80, 15, 0xde);
        for (const [key, item] of pairs) {
            put(parts, key);
            put(parts, item);
        }
    }
}

/** The one value in some bytes. */
export function unpack(bytes) {
    const reader = { bytes, at: 0 };
    const value = take(reader);
    if (reader.at !== bytes.length) throw new Error(`${bytes.length - reader.at} bytes are left`);
    return value;
}

function number(reader, bytes) {
    const value = reader.bytes.readUIntBE(reader.at, bytes);
    reader.at += bytes;
    return value;
}

function text(reader, length) {
    reader.at += length;
    if (reader.at > reader.bytes.length) throw new Error('a text is cut short');
    return reader.bytes.toString('utf8', reader.at - length, reader.at);
}

const list = (reader, count) => Array.from({ length: count }, () => take(reader));

function map(reader, count) {
    const value = {};
    for (let at = 0; at < count; at++) {
        const key = take(reader);
        if (typeof key !== 'string' || key in value) throw new Error(`a key is ${key}`);
        value[key] = take(reader);
    }
    return value;
}

function wide(reader, read, bytes) {
    const value = reader.bytes[read](reader.at);
    reader.at += bytes;
    return Number(value);
}

const readers = {
    0xc0: () => null,
    0xc2: () => false,
    0xc3: () => true,
    0xcb: (reader) => wide(reader, 'readDoubleBE', 8),
    0xcc: (reader) => number(reader, 1),
    0xcd: (reader) => number(reader, 2),
    0xce: (reader) => number(reader, 4),
    0xcf: (reader) => wide(reader, 'readBigUInt64BE', 8),
    0xd0: (reader) => wide(reader, 'readInt8', 1),
    0xd1: (reader) => wide(reader, 'readInt16BE', 2),
    0xd2: (reader) => wide(reader, 'readInt32BE', 4),
    0xd3: (reader) => wide(reader, 'readBigInt64BE', 8),
    0xd9: (reader) => text(reader, number(reader, 1)),
    0xda: (reader) => text(reader, number(reader, 2)),
    0xdb: (reader) => text(reader, number(reader, 4)),
    0xdc: (reader) => list(reader, number(reader, 2)),
    0xdd: (reader) => list(reader, number(reader, 4)),
    0xde: (reader) => map(reader, number(reader, 2)),
    0xdf: (reader) => map(reader, number(reader, 4)),
};

function take(reader) {
    const first = number(reader, 1);
    if (first < 0x80) return first;
    if (first < 0x90) return map(reader, first & 15);
    if (first < 0xa0) return list(reader, first & 15);
    if (first < 0xc0) return text(reader, first & 31);
    if (first >= 0xe0) return first - 256;
    const read = readers[first];
    if (!read) throw new Error(`an answer holds a value of type ${first.toString(16)}`);
    return read(reader);
}
