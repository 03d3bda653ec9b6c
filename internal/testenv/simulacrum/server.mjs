// SPDX-License-Identifier: Apache-2.0

// Auth0's endpoints by the package @simulacrum/auth0-simulator, as its README tells to start it, on a free port of loopback.
// It speaks HTTPS alone, with the certificate that lies in .simulacrum/certs of the home folder.
//
// Environment: HOME, SIMULACRUM_CLIENT and SIMULACRUM_SCOPE.
// Prints one line of JSON when it listens: {"port": N}. Ends when stdin closes, so that it dies with the test.

import {createRequire} from "node:module";

// The package's ES module finds no jsonwebtoken in 0.11.4 (its sign is undefined); its own command takes the other one too.
const {simulation} = createRequire(import.meta.url)("@simulacrum/auth0-simulator");

const app = simulation({options: {clientID: process.env.SIMULACRUM_CLIENT, scope: process.env.SIMULACRUM_SCOPE}});
const {port} = await app.listen(0, "127.0.0.1");

process.stdin.on("end", () => process.exit(0));
process.stdin.on("error", () => process.exit(0));
process.stdin.resume();
process.stdout.write(JSON.stringify({port}) + "\n");
