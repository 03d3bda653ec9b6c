// SPDX-License-Identifier: Apache-2.0

// Command usher is the identity lifecycle engine: one binary for everything.
package main

import (
	"os"

	"github.com/usher-id/usher/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
