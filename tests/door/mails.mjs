// The mails of a firm, as the server has written them for people to open.
import fs from 'node:fs/promises';
import path from 'node:path';
import { until } from './wait.mjs';

/** Headers unfolded and decoded, and the text. */
export function readMail(bytes) {
    const [head, ...rest] = bytes.toString('utf8').split('\r\n\r\n');
    const headers = {};
    for (const line of head.replace(/\r\n[ \t]/g, ' ').split('\r\n')) {
        const [, name, value] = /^([A-Za-z-]+): (.*)$/.exec(line);
        headers[name.toLowerCase()] = value
            .replace(/\?= =\?/g, '?==?')
            .replace(/=\?UTF-8\?B\?([^?]*)\?=/g, (_, word) =>
                Buffer.from(word, 'base64').toString('utf8'),
            );
    }
    return { headers, text: Buffer.from(rest.join('\r\n\r\n'), 'base64').toString('utf8') };
}

export const mailFolder = (firm) => path.join(firm.server.directory, 'mail', firm.name);

/** All that were written so far, oldest first. */
export async function mailsOf(firm) {
    const names = await fs.readdir(mailFolder(firm)).catch(() => []);
    const whole = names.filter((name) => name.endsWith('.eml')).sort();
    return Promise.all(
        whole.map(async (name) => readMail(await fs.readFile(path.join(mailFolder(firm), name)))),
    );
}

/** The newest to this address, once there are `count` of them. */
export function mailTo(firm, address, count = 1) {
    return until(async () => {
        const all = await mailsOf(firm);
        const own = all.filter((mail) => mail.headers.to === `<${address}>`);
        return own.length >= count && own.at(-1);
    }, `${count} mails to ${address}`);
}

/** The address in a mail, and the token at its end. */
export function linkIn(mail) {
    const [url] = /https?:\/\/\S+/.exec(mail.text);
    return { url, token: url.split('/').at(-1) };
}
