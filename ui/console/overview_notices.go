package console

import (
	"fmt"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
)

// remedy is how a notice is answered: Enter goes where its View says, and there
// an action does it. The keys are those of the key map, so that what is rebound
// is named as it is bound.
type remedy struct {
	act     keys.Action // there; empty = reading it is all that can be done here
	does    string      // what that does
	besides string      // what helps besides
}

// remedies are those of the kinds of notices.
var remedies = map[string]remedy{
	"required":           {keys.ApproveIt, "approves them; until then approving others warns", ""},
	"never-synchronized": {keys.Synchronize, "synchronizes now", ""},
	"sync-failed":        {keys.Synchronize, "tries again", ""},
	"sync-items":         {"", "which items, and why", ""},
	"sync-refused":       {"", "what the run looked at, and why it was refused", ""},
	"failed":             {keys.ByComputer, "shows on which computers and why", ""},
	"scan-failed":        {keys.Open, "shows what the computer said", ""},
	"overdue":            {keys.ByComputer, "shows the computers and what holds them up", ""},
	"stale":              {keys.Open, "shows when it was last heard of", "cleanup removes what is gone"},
	"never-reported":     {keys.Open, "shows the computer", "its agent has not run yet, or cannot reach this server"},
	"no-computer":        {"", "how computers report", ""},
	"waiting":            {keys.AcceptComp, "accepts it", ""},
	"disabled":           {keys.Open, "shows the policy and the group that it comes from", "nothing is installed on it"},
	"restart":            {keys.Open, "shows what waits", "policies of groups say when computers restart"},
	"foreign":            {keys.Open, "shows which packages", ""},
	"security":           {keys.ApproveIt, "approves", ""},
	"withdrawn":          {keys.ApproveIt, "approves the successor", ""},
	"revision-alarm":     {keys.Acknowledge, "acknowledges it", ""},
	"stale-approval":     {keys.ApproveIt, "approves it again", ""},
	"proposals":          {keys.ConsentIt, "consents", ""},
	"wrong-declines":     {keys.ReinstateIt, "brings them back as Not Approved", ""},
	"rule-withheld":      {keys.RunIt, "shows what the rule would approve, and runs it", ""},
	"new-products":       {keys.SeeNew, "acknowledges them", ""},
	"superseded":         {keys.RunIt, "runs the job under the cursor", ""},
	"clutter":            {keys.RunIt, "runs the job under the cursor", ""},
	"space":              {keys.RunIt, "runs the job under the cursor", "or free space on the disk in another way"},
	"content-space":      {"", "what cleanup would remove", "free space on that disk, or choose another directory in the wizard"},
}

// noticeKeys are the keys that lead to the remedy: "Enter, a approve".
func (o *overview) noticeKeys(n model.Notice) string {
	keysOf := o.c.label(keys.Open)
	if b := o.c.remedyBinding(n); b != nil && b.Label() != "" && b.Action != keys.Open {
		if keysOf != "" {
			keysOf += ", "
		}
		keysOf += b.Label()
		if o.width >= twoColumns {
			keysOf += " " + b.Short
		}
	}
	return keysOf
}

// remedyBinding is the binding of the action that answers a notice where it
// leads; nil when there is none.
func (c *Console) remedyBinding(n model.Notice) *keys.Binding {
	act := remedies[n.Kind].act
	if n.Kind == "failed" && n.View == "computers" {
		act = keys.Open
	}
	if act == "" {
		return nil
	}
	return c.keys.Action(act)
}

// noticeHint says in words what the keys do.
func (o *overview) noticeHint(n model.Notice) string {
	c, r := o.c, remedies[n.Kind]
	if n.Kind == "failed" && n.View == "computers" {
		r.does = "shows the failures and what they mean"
	}
	shows := "goes there"
	switch b := c.remedyBinding(n); {
	case n.View == "updates":
		shows = "shows " + counted(n.Rows, "update", "updates")
	case n.View == "computers" && n.Rows > 0:
		shows = "shows " + counted(n.Rows, "computer", "computers")
	case b == nil && r.does != "":
		shows = "shows " + r.does
	}
	there := ""
	if b := c.remedyBinding(n); b != nil && b.Label() != "" {
		there = "then " + b.Label() + " " + r.does
	}
	return sentence(c.with(keys.Open, shows), there, r.besides)
}

func (o *overview) notices() part {
	c := o.c
	p := part{name: "Notices"}
	for _, n := range o.data.notices {
		style := c.styles.Info
		switch n.Level {
		case model.NoticeWarning:
			style = c.styles.Warn
		case model.NoticeError:
			style = c.styles.Bad
		case model.NoticeSetup:
			style = c.styles.Setup
		}
		e := entry{id: n.Kind + "/" + n.Of, text: fmt.Sprintf("%-5s %s", n.Level, n.Text), right: o.noticeKeys(n), style: style, hint: o.noticeHint(n), open: func() tea.Cmd { return c.follow(n) }}
		if o.zoom {
			e.right, e.hang = "", 6 // the whole text, and the way in words
			e.more = []string{"      " + e.hint + "."}
			if n.Remedy != "" {
				e.more = append(e.more, "      From a command line: "+n.Remedy)
			}
		}
		p.entries = append(p.entries, e)
	}
	if n := len(p.entries); n > 0 {
		p.says, p.right = count(n), "keys to the remedy"
	} else {
		p.entries = []entry{{id: "none", text: "ok    Nothing wants attention.", style: c.styles.Good}}
	}
	return p
}

// follow goes where a notice leads.
func (c *Console) follow(n model.Notice) tea.Cmd {
	cmd := c.open(n.View, n.Filter)
	if n.Kind == "sync-items" || n.Kind == "sync-refused" {
		return tea.Batch(cmd, c.push(newRun(c, n.Run)))
	}
	return cmd
}
