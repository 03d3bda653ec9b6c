// SPDX-License-Identifier: Apache-2.0

package archtest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/testenv"
)

var pageLink = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)\s]*)?\)`)

// TestLinksOfPages: a link of a page to another file of the house leads to one.
func TestLinksOfPages(t *testing.T) {
	t.Parallel()
	root := testenv.Root(t)
	pages, links := 0, 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skipFolder(root, path, d.Name())
		case !strings.HasSuffix(path, ".md"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pages++
		for _, m := range pageLink.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], ":") { // elsewhere
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s has a link to %s, which is not there", strings.TrimPrefix(path, root), m[1])
			}
		}
		return nil
	})
	if err != nil || pages < 10 || links < 50 {
		t.Errorf("%d pages with %d links, %v", pages, links, err)
	}
}
