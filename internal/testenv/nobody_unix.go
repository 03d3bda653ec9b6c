// SPDX-License-Identifier: Apache-2.0

//go:build unix

package testenv

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// asNobody is how a program that refuses to be run by root is run: by Debian's user for it, or by nobody, to whom the files
// are given. It is a group of processes of its own, so that a Ctrl-C is ours alone.
func asNobody(files ...string) (*syscall.SysProcAttr, error) {
	as := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return as, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for _, f := range files {
		if err := os.Chown(f, int(uid), int(gid)); err != nil {
			return nil, err
		}
	}
	return as, nil
}
