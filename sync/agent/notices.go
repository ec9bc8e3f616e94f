package agent

import (
	"context"
	"fmt"
	"time"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

// restartWarning is how long before a restart people who are logged in are
// warned (semantics 3.10: five minutes).
const restartWarning = 5 * time.Minute

// restart restarts the computer when the policy says so: after everything
// that was done is on disk.
func (c *cycle) restart(ctx context.Context) {
	a := c.a
	if len(c.st.Pending) == 0 || !a.o.AsRoot || a.o.Restarter == nil {
		return
	}
	users, err := a.o.Users.LoggedIn(ctx)
	if err != nil {
		// Not to know is not "nobody".
		a.o.Log.Warn("nobody could say who is logged in", "error", err)
		users = []string{"?"}
	}
	now := a.o.Now()
	restart, _, reason := model.DecideRestart(model.RestartInput{Now: now, Pending: true, Since: c.st.Since.In(now.Location()), Policy: c.policy, LoggedIn: len(users) > 0})
	if !restart {
		return
	}
	after := time.Minute
	if len(users) > 0 {
		after = restartWarning
	}
	c.event(protocol.Event{Kind: protocol.EventRestart, Text: fmt.Sprintf("the computer restarts in %s: %s", after, reason)})
	c.flush(ctx)
	if err := a.save(&c.st); err != nil {
		a.o.Log.Error("the computer was not restarted, because the state could not be stored", "error", err)
		return
	}
	if err := a.o.Restarter.Restart(ctx, after, c.st.Pending[0]); err != nil {
		a.o.Log.Error("the computer was not restarted", "error", err)
		return
	}
	c.out.Restart = true
}

// tellUsers keeps the notice at login in step with what waits for a person, and
// announces it once when it changes.
func (c *cycle) tellUsers(ctx context.Context) {
	waiting, coming := 0, time.Time{}
	for _, x := range c.out.Actions {
		switch {
		case x.Do == model.DecideTell, x.Do == model.DecideDownload && c.policy.Mode == model.ModeDownload:
			waiting++
		case x.Do == model.DecideDownload:
			if coming.IsZero() || x.At.Before(coming) {
				coming = x.At
			}
		}
	}
	text := ""
	if waiting > 0 {
		text = fmt.Sprintf("%s approved for this computer and %s for you: sudo fettle agent install", count(waiting, "update is", "updates are"), plural(waiting, "waits", "wait"))
	} else if !coming.IsZero() {
		text = "Approved updates will be installed at " + coming.In(c.a.o.Now().Location()).Format("2006-01-02 15:04") + "."
	}
	if len(c.st.Pending) > 0 {
		if text != "" {
			text += "\n"
		}
		text += "This computer needs a restart: " + c.st.Pending[0]
	}
	if err := c.a.o.Notifier.Standing(ctx, text); err != nil {
		c.a.o.Log.Warn("the notice at login was not written", "error", err)
	}
	if text == c.st.Told {
		return
	}
	c.st.Told = text
	if text == "" {
		return
	}
	if err := c.a.o.Notifier.Announce(ctx, text); err != nil {
		c.a.o.Log.Warn("the users were not told", "error", err)
	}
}

func count(n int, one, many string) string { return fmt.Sprintf("%d %s", n, plural(n, one, many)) }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
