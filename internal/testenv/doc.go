// SPDX-License-Identifier: Apache-2.0

// Package testenv gives tests their surroundings: the shared input data, the built binary, and servers that the project
// did not write: two of SCIM, and one that has the token endpoint of Auth0.
//
// It owns the processes that it starts and ends them with the test that asked for them. It must not be imported by
// anything but tests (internal/archtest holds that), and it decides nothing about what a test asserts.
//
// Whatever is missing on the machine (data, Node.js, Python) skips the test with a message, but fails it when CI=true, so that a
// check which nobody runs is noticed.
//
// Goroutines: one for each started server, which collects its standard error; it ends with the process.
package testenv
