// Certificates for tests, signed by themselves.
import { execFileSync } from 'node:child_process';
import path from 'node:path';

/** A certificate of this common name for all firms of localhost, as files in `folder`. */
export function makeCertificate(folder, name) {
    const files = {
        certificate: path.join(folder, `${name}.crt`),
        key: path.join(folder, `${name}.key`),
    };
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:*.localhost'];
    const places = ['-keyout', files.key, '-out', files.certificate];
    const words = ['req', '-x509', '-days', '2', ...curve, ...names, ...places];
    execFileSync('openssl', words, { stdio: 'ignore' });
    return files;
}
