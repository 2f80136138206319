// What every answer tells a browser, whichever part of the server gave it (OWASP ASVS 5.0, 3.4).

const exact = {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
};

/** A policy's directives by name; a name that comes twice would count by its first alone. */
function directivesOf(policy) {
    const parts = policy.split(';').map((part) => part.trim().split(/\s+/));
    const found = {};
    for (const [name, ...sources] of parts) found[name] ??= sources.join(' ');
    return found;
}

function policyFaults(policy, isPage) {
    const faults = [];
    const directives = directivesOf(policy);
    const wanted = { 'default-src': "'none'", 'base-uri': "'none'", 'frame-ancestors': "'none'" };
    for (const [name, value] of Object.entries(wanted))
        if (directives[name] !== value) faults.push(`policy: ${name} ${directives[name]}`);
    if (!["'none'", "'self'"].includes(directives['form-action'])) faults.push('form-action');
    if (/unsafe|\*|https?:|blob:/.test(policy)) faults.push(`policy: ${policy}`);
    const isClosed = 'sandbox' in directives && directives['script-src'] === undefined;
    if (!isPage && !isClosed) faults.push(`no page, but its policy allows more: ${policy}`);
    return faults;
}

/**
 * What these headers lack, or tell that they should not; an empty list when all is well. `isPage`:
 * it is public, and a page if it is HTML.
 */
export function standingFaults(headers, { isSecure = false, isPage = false } = {}) {
    const faults = [];
    for (const [name, value] of Object.entries(exact))
        if (headers[name] !== value) faults.push(`${name}: ${headers[name]}`);
    if (!/\bcamera=\(\)/.test(headers['permissions-policy'] ?? '')) faults.push('permissions');
    const isHtml = /^text\/html/.test(headers['content-type'] ?? 'text/html');
    faults.push(...policyFaults(headers['content-security-policy'] ?? '', isPage && isHtml));
    const hsts = Number(/^max-age=(\d+)/.exec(headers['strict-transport-security'] ?? '')?.[1]);
    if (isSecure && !(hsts >= 31_536_000)) faults.push('HSTS is missing or short');
    if (!isSecure && headers['strict-transport-security']) faults.push('HSTS without TLS');
    const cache = headers['cache-control'] ?? '';
    const isKept = isPage ? cache === 'no-cache' : /^(no-store|private, no-cache)$/.test(cache);
    if (!isKept) faults.push(`cache-control: ${cache}`);
    for (const name of Object.keys(headers))
        if (name.startsWith('access-control-')) faults.push(`${name}: ${headers[name]}`);
    return faults;
}
