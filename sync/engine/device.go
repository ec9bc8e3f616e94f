package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"fettle/model"
	"fettle/sync/agent"
)

// ThisComputer makes the agent of the computer that we run on usable by an
// engine.
func ThisComputer(a *agent.Agent) Computer {
	if a == nil {
		return nil
	}
	return &thisComputer{agent: a}
}

type thisComputer struct {
	agent *agent.Agent

	mu   sync.Mutex
	last string
}

func (c *thisComputer) CheckIn(ctx context.Context, progress func(model.Progress)) error {
	out, err := c.agent.CheckIn(ctx, progress)
	c.keep(out)
	return err
}

func (c *thisComputer) Install(ctx context.Context, ids []model.UpdateID, progress func(model.Progress)) error {
	out, err := c.agent.Install(ctx, ids, progress)
	c.keep(out)
	return err
}

func (c *thisComputer) Run(ctx context.Context) error { return c.agent.Run(ctx, nil) }

func (c *thisComputer) keep(out agent.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = summary(out)
}

// Summary says what came of the last cycle, for the job's result.
func (c *thisComputer) Summary() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// summary says in words what a cycle came to.
func summary(out agent.Outcome) string {
	var parts []string
	switch {
	case out.Offline != nil:
		parts = append(parts, "the server was not reached")
	case out.Report.Version != 0: // else the cycle did not come so far: nothing is known, which is not "nothing needed"
		parts = append(parts, count(len(out.Report.Needed), "package")+" needed")
	}
	add := func(n int, words string) {
		if n > 0 {
			parts = append(parts, count(n, "update")+" "+words)
		}
	}
	add(len(out.Installed), "installed")
	add(len(out.Failed), "failed")
	add(len(out.Withdrawn), "not installed because the approval was withdrawn")
	waiting := 0
	for _, x := range out.Actions {
		if x.Do == model.DecideDownload || x.Do == model.DecideTell {
			waiting++
		}
	}
	add(waiting, "to be installed later")
	if out.Restart {
		parts = append(parts, "the computer restarts now")
	}
	return strings.Join(parts, ", ")
}

func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
