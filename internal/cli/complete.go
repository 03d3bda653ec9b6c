// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/usher-id/usher/internal/config"
)

// complete says what a flag may be followed by.
func complete(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // there is no such flag: a mistake in this package, which every test meets
	}
}

// files completes names of files with one of these endings, and folders.
func files(endings ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return endings, cobra.ShellCompDirectiveFilterFileExt
	}
}

// outline is what the configuration names, as far as it can be read: the
// environment that it asks for need not be set to complete a word, and what is
// wrong with it is not told here.
func (c *cli) outline() config.Outline {
	f, err := os.Open(c.file)
	if err != nil {
		return config.Outline{}
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, config.MaxFile+1))
	if err != nil {
		return config.Outline{}
	}
	return config.Outlined(data)
}

// apps completes the name of an app.
func (c *cli) apps(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return c.outline().Apps, cobra.ShellCompDirectiveNoFileComp
}

// question completes PERSON [APP [ATTRIBUTE]]. People are not completed: their
// names would have to be read from the store at every press of a key.
func (c *cli) question(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 1:
		return c.outline().Apps, cobra.ShellCompDirectiveNoFileComp
	case 2:
		return c.outline().Attributes[args[1]], cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}
