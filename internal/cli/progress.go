// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows that something happens, on a terminal, once work has taken
// two seconds.
type progress struct {
	mu    sync.Mutex
	on    bool
	start time.Time
	n     int
	bar   *progressbar.ProgressBar
}

func (c *cli) progress() *progress {
	f, ok := c.err.(*os.File)
	return &progress{on: ok && term.IsTerminal(int(f.Fd())), start: time.Now()}
}

func (p *progress) add(n int) {
	if !p.on {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n += n
	if p.bar == nil {
		if time.Since(p.start) < 2*time.Second {
			return
		}
		p.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription("answers"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(100*time.Millisecond))
	}
	_ = p.bar.Set(p.n) // a bar that cannot be drawn is no reason to stop
}

func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish() // as above
	}
}
