// One-time codes as a telephone makes them.
import crypto from 'node:crypto';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
export const STEP_S = 30;

/** The bytes of a secret, which is told in base 32. */
export function secretBytes(secret) {
    const bits = [...secret].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0'));
    const bytes = bits.join('').match(/.{8}/g);
    return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}

/** RFC 6238 by the book, written apart from the server's. */
export function codeAt(secret, seconds) {
    const key = secretBytes(secret);
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(seconds / STEP_S)));
    const mac = crypto.createHmac('sha1', key).update(counter).digest();
    const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
    return String(number % 1_000_000).padStart(6, '0');
}
