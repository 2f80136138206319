// Before what is dangerous the server wants the password again: a dialog asks for it, and for the
// code of an account that has codes.
import { giveProof, Problem } from './api';
import { element, newId, whileBusy } from './element';
import { code, field, isOfCode, password, sentencesOf } from './enter';

function ask(): Promise<boolean> {
    return new Promise((resolve) => {
        const before = document.activeElement;
        const heading = newId();
        const about = newId();
        const secret = field(password);
        const digits = field(code);
        const fault = element('p', { class: 'fault', role: 'alert', hidden: true });
        const go = element('button', { type: 'submit', class: 'main' }, 'Go on');
        const cancel = element('button', { type: 'button' }, 'Cancel');
        const form = element('form', { class: 'proof', novalidate: true });
        const dialog = element('dialog', {
            'aria-labelledby': heading,
            'aria-describedby': about,
        });
        let isGiven = false;
        digits.line.hidden = true;
        form.append(
            element('h2', { id: heading }, 'Your password again'),
            element('p', { id: about }, 'This needs a password that was given just now.'),
            fault,
            secret.line,
            digits.line,
            element('div', { class: 'actions' }, cancel, go),
        );
        dialog.append(form);
        cancel.addEventListener('click', () => dialog.close());
        form.addEventListener('submit', (event) => {
            event.preventDefault();
            void whileBusy(go, async () => {
                fault.hidden = true;
                try {
                    await giveProof(secret.input.value, digits.input.value.trim());
                    isGiven = true;
                    dialog.close();
                } catch (error) {
                    if (!(error instanceof Problem)) throw error;
                    const isFirst = error.type === 'code_needed' && digits.line.hidden;
                    if (isOfCode(error)) digits.line.hidden = false;
                    fault.textContent = sentencesOf(error);
                    fault.hidden = isFirst;
                    (digits.line.hidden ? secret : digits).input.select();
                }
            });
        });
        // Escape closes it as well.
        dialog.addEventListener('close', () => {
            dialog.remove();
            if (before instanceof HTMLElement && before.isConnected) before.focus();
            resolve(isGiven);
        });
        document.body.append(dialog);
        dialog.showModal();
        secret.input.focus();
    });
}

let asking: Promise<boolean> | null = null;

/** Calls that are refused at the same time wait for one answer. */
export function askProof(): Promise<boolean> {
    asking ??= ask().finally(() => {
        asking = null;
    });
    return asking;
}
