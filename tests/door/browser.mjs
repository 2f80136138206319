// A real browser without a window, told what to do over its debugging pipe.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import fsp from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { HANG_MS, pause } from './wait.mjs';

/** Where a browser is, or null. */
export function findBrowser() {
    const names = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
    return names.find((name) => fs.existsSync(name)) ?? null;
}

export class Browser {
    #child;
    #folder;
    #next = 1;
    #waiting = new Map();
    #session;
    #isDark;
    /** What the page complained of: errors of scripts, refusals by its policy. */
    complaints = [];

    /** Opens one empty page. */
    static async open({ width = 1200, height = 900, isDark = false } = {}) {
        const browser = new Browser();
        browser.#isDark = isDark;
        browser.#folder = await fsp.mkdtemp(path.join(os.tmpdir(), 'atrium-browser-'));
        const words = [
            '--headless',
            '--no-sandbox',
            '--disable-gpu',
            '--disable-background-networking',
            '--disable-dev-shm-usage',
            '--no-first-run',
            '--remote-debugging-pipe',
            `--user-data-dir=${browser.#folder}`,
            `--window-size=${width},${height}`,
            'about:blank',
        ];
        const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'];
        browser.#child = spawn(findBrowser(), words, { stdio });
        browser.#listen(browser.#child.stdio[4]);
        browser.#child.stdio[3].on('error', () => {});
        browser.#child.on('close', (status, signal) => {
            const ended = new Error(`the browser has ended with ${status ?? signal}`);
            for (const { reject } of browser.#waiting.values()) reject(ended);
        });
        const { targetInfos } = await browser.#send('Target.getTargets');
        const page = targetInfos.find((target) => target.type === 'page');
        const { sessionId } = await browser.#send('Target.attachToTarget', {
            targetId: page.targetId,
            flatten: true,
        });
        browser.#session = sessionId;
        for (const domain of ['Page', 'Runtime', 'Log']) await browser.#ask(`${domain}.enable`);
        const features = [{ name: 'prefers-color-scheme', value: isDark ? 'dark' : 'light' }];
        await browser.#ask('Emulation.setEmulatedMedia', { features });
        return browser;
    }

    #listen(pipe) {
        let rest = '';
        pipe.setEncoding('utf8');
        pipe.on('data', (text) => {
            const messages = (rest + text).split('\0');
            rest = messages.pop();
            for (const message of messages) this.#take(JSON.parse(message));
        });
    }

    #take(message) {
        if (message.id !== undefined) {
            const { resolve, reject } = this.#waiting.get(message.id);
            this.#waiting.delete(message.id);
            if (message.error) reject(new Error(message.error.message));
            else resolve(message.result);
        } else if (message.method === 'Runtime.exceptionThrown') {
            const { exceptionDetails: details } = message.params;
            this.complaints.push(details.exception?.description ?? details.text);
        } else if (message.method === 'Log.entryAdded') {
            const { entry } = message.params;
            if (entry.level === 'error' && entry.source !== 'network')
                this.complaints.push(entry.text);
        }
    }

    #send(method, params = {}, sessionId = undefined) {
        const id = this.#next++;
        return new Promise((resolve, reject) => {
            this.#waiting.set(id, { resolve, reject });
            this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
        });
    }

    #ask(method, params) {
        return this.#send(method, params, this.#session);
    }

    async visit(url) {
        // An address that differs behind the `#` alone would not load anything.
        await this.#ask('Page.navigate', { url: 'about:blank' });
        await this.until(`location.href === 'about:blank'`);
        await this.#ask('Page.navigate', { url });
        await this.until(`location.href !== 'about:blank' && document.readyState === 'complete'`);
    }

    /** The value of an expression in the page. */
    async value(expression) {
        const { result, exceptionDetails: details } = await this.#ask('Runtime.evaluate', {
            expression,
            awaitPromise: true,
            returnByValue: true,
        });
        if (details) throw new Error(`${expression}: ${details.exception?.description}`);
        return result.value;
    }

    /** Waits until an expression holds in the page. */
    async until(expression) {
        const begun = performance.now();
        while (!(await this.value(`Boolean(${expression})`).catch(() => false))) {
            if (performance.now() - begun > HANG_MS) {
                const text = await this.value('document.body.innerText').catch(() => '');
                throw new Error(
                    `never came true: ${expression}\nthe page says:\n${text}\n` +
                        this.complaints.join('\n'),
                );
            }
            await pause(30);
        }
    }

    /** Types into the input that has this label, within the element that `inside` selects. */
    async type(label, text, inside = 'body') {
        await this.until(`(${labelled})(${JSON.stringify(label)}, ${JSON.stringify(inside)})`);
        await this.value(`(() => {
            const input = (${labelled})(${JSON.stringify(label)}, ${JSON.stringify(inside)});
            input.focus();
            if ('select' in input) input.select();
        })()`);
        await this.#ask('Input.insertText', { text });
    }

    /** Chooses the option with this text. */
    async choose(label, option, inside = 'body') {
        await this.until(`(${labelled})(${JSON.stringify(label)}, ${JSON.stringify(inside)})`);
        await this.value(`(() => {
            const select = (${labelled})(${JSON.stringify(label)}, ${JSON.stringify(inside)});
            const text = ${JSON.stringify(option)};
            const found = [...select.options].find((item) => item.text === text);
            select.value = found.value;
            select.dispatchEvent(new Event('change', { bubbles: true }));
        })()`);
    }

    /** Clicks the button or link with this text, within the element that `inside` selects. */
    async click(text, inside = 'body') {
        const find = `[...document.querySelectorAll(${JSON.stringify(
            `${inside} a, ${inside} button, ` + `${inside} summary`,
        )})].find((item) => item.textContent.trim() === ${JSON.stringify(text)})`;
        await this.until(find);
        await this.value(`${find}.click()`);
    }

    /** Presses one key, wherever the focus is. */
    async press(key) {
        const codes = { Tab: 9, Enter: 13, Escape: 27 };
        const text = key === 'Enter' ? '\r' : undefined;
        const event = { key, code: key, windowsVirtualKeyCode: codes[key] };
        await this.#ask('Input.dispatchKeyEvent', { type: 'keyDown', text, ...event });
        await this.#ask('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
    }

    /** Files that the page saves go here from now on. */
    async saveTo(folder) {
        const words = { behavior: 'allow', downloadPath: folder };
        await this.#send('Browser.setDownloadBehavior', words);
    }

    async screenshot(file) {
        const { data } = await this.#ask('Page.captureScreenshot', { format: 'png' });
        await fsp.writeFile(file, Buffer.from(data, 'base64'));
    }

    async close() {
        const ended = new Promise((resolve) => this.#child.on('close', resolve));
        this.#child.kill('SIGKILL');
        await ended;
        await fsp.rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    }
}

/** In the page: the input of a label, whose text may go on with `(required)`. */
const labelled = `(text, inside) => {
    const labels = [...document.querySelectorAll(inside + ' label')];
    const plain = (item) => item.textContent.replace(' (required)', '').trim();
    const label = labels.find((item) => plain(item) === text);
    return label?.control ?? document.getElementById(label?.htmlFor ?? '');
}`;
