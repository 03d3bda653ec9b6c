// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// mostProfile bounds a profile's file. The largest of our own has 6 kB.
const mostProfile = 1 << 20

// IsProfileFile tells whether a profile is named by the file that has it, which the
// name of a built-in one never is: it has a slash in it, or ends with .json.
func IsProfileFile(name string) bool {
	return strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".json")
}

// ProfileOf is the profile of this name: a built-in one by its id, or one of a file by
// its path. A file is read as strictly as those that are built in.
func ProfileOf(name string) (Profile, error) {
	if !IsProfileFile(name) {
		return ProfileByID(name)
	}
	text, err := readFile(name)
	if err != nil {
		return Profile{}, fmt.Errorf("profile %s: %w", name, err)
	}
	p, err := ParseProfile(text)
	if err != nil {
		return Profile{}, fmt.Errorf("profile %s: %w", name, err)
	}
	return p, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	defer func() { _ = f.Close() }() // it was read
	if i, err := f.Stat(); err == nil && !i.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	text, err := io.ReadAll(io.LimitReader(f, mostProfile+1))
	if err != nil {
		return nil, cause(err)
	}
	if len(text) > mostProfile {
		return nil, fmt.Errorf("it has more than %d bytes", mostProfile)
	}
	return text, nil
}

// cause is an error of the file system without the path, which the caller names.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
