// A crowd of clients that speak HTTP/2 by chance: right frames in no right order, requests that
// nobody waits for, ends of every kind. Whatever they do, the server lives and serves others. The
// seed is printed; SEED=… repeats it.
import assert from 'node:assert/strict';
import net from 'node:net';
import tls from 'node:tls';
import { test } from 'node:test';
import { frame } from '../door/attacks.mjs';
import { makeCertificate } from '../door/certificate.mjs';
import { withFolder } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';
