// SPDX-License-Identifier: Apache-2.0

// Package sftp reads files of an SFTP server (draft-ietf-secsh-filexfer-02, over SSH: RFC 4251 to 4254).
//
// It owns: connecting to a server that shows a host key which was pinned beforehand, and to no other; proving who we are;
// looking at files, listing and reading them; and bounds for each answer of the server: its time, its size, its names.
//
// It must not: know what is in a file, or decide whether it is whole; write anything; or take a host key, a password or a
// key from anywhere but its [Config]. There is no known_hosts file, no agent and no configuration of ssh here.
//
// A server is believed in nothing that costs more than a refused read: one that stalls, floods, breaks off or makes no sense
// ends in an error of one sentence, and its connection with it. What a server says in words is shown cut and without control
// characters. No error holds a credential.
//
// A connection has the goroutines of its two libraries, which end with [Conn.Close].
package sftp
