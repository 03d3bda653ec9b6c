// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"fmt"
	"io"
	"os"
)

// MaxFile is the largest configuration file that is read, in bytes.
const MaxFile = 4 << 20

// Load reads and validates the file at path. lookup is the environment, in the
// shape of os.LookupEnv; nil is an empty one. Mistakes in the file come as
// Errors; a file that cannot be read as the error of the operating system.
func Load(ctx context.Context, path string, lookup func(string) (string, bool)) (*Config, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	// One byte more than allowed tells a file that is too big from one that just fits.
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, data, lookup)
}
