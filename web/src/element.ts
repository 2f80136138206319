// Elements made from code. Text is only ever set as text, so that no record can bring markup.

type Child = Node | string | null | undefined;
type Attributes = Record<string, string | number | boolean | null | undefined>;

export function element<Name extends keyof HTMLElementTagNameMap>(
    name: Name,
    attributes: Attributes = {},
    ...children: Child[]
): HTMLElementTagNameMap[Name] {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false) continue;
        made.setAttribute(key, value === true ? '' : String(value));
    }
    made.append(...children.filter((child): child is Node | string => child != null));
    return made;
}

export function button(
    label: string,
    run: () => void,
    attributes: Attributes = {},
): HTMLButtonElement {
    const made = element('button', { type: 'button', ...attributes }, label);
    made.addEventListener('click', run);
    return made;
}

let lastNumber = 0;
/** An id that no other element of the page has. */
export function newId(): string {
    lastNumber += 1;
    return `e${lastNumber}`;
}

/** Does it with the button out of reach; whoever had the focus has it again afterwards. */
export async function whileBusy(deed: HTMLButtonElement, run: () => Promise<void>): Promise<void> {
    const before = document.activeElement;
    deed.disabled = true;
    try {
        await run();
    } finally {
        deed.disabled = false;
        const isLost = [null, document.body].includes(document.activeElement as HTMLElement | null);
        if (isLost && before instanceof HTMLElement && before.isConnected) before.focus();
    }
}

/** Says a short thing to everybody, also to those who do not see it. */
export function notice(text: string): void {
    const place = document.getElementById('notice');
    if (place === null) return;
    place.textContent = text;
    place.classList.toggle('shown', text !== '');
    window.setTimeout(() => {
        if (place.textContent === text) place.classList.remove('shown');
    }, 6000);
}

/** Asks before something that cannot be taken back. */
export function confirmed(question: string, deed: string): Promise<boolean> {
    return new Promise((resolve) => {
        const heading = newId();
        const dialog = element('dialog', { 'aria-labelledby': heading });
        const end = (answer: boolean): void => {
            dialog.close();
            dialog.remove();
            resolve(answer);
        };
        const row = element('div', { class: 'actions' });
        row.append(
            button('Cancel', () => end(false), { autofocus: true }),
            button(deed, () => end(true), { class: 'danger' }),
        );
        dialog.append(element('p', { id: heading }, question), row);
        dialog.addEventListener('cancel', () => end(false));
        document.body.append(dialog);
        dialog.showModal();
    });
}
