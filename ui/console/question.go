package console

import (
	"context"
	"log/slog"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// The grace period of a question: keys that were typed before it was on the
// screen must not answer it. It takes answers once typing has rested for
// graceQuiet, at the latest after graceCeiling (terminal section 1, bulk action;
// the values are those of the anchor that has it).
const (
	graceQuiet   = 425 * time.Millisecond
	graceCeiling = 1500 * time.Millisecond
)

// question is a dialog with one answer that changes something and Cancel, which
// is the default.
type question struct {
	c       *Console
	title   string
	text    []string
	apply   string // the word on the button
	yes     func() tea.Cmd
	load    func(context.Context, scribe) ([]string, error) // the text, when it must be computed
	request request
	ready   bool
	chosen  bool // the button that applies has the focus
	opened  time.Time
	top     int
	height  int
	lines   int
	working bool
	leaves  bool // the question of quitting
	wait    string
	// plan computes more, when it is asked for.
	plan     func(context.Context, func(model.Progress)) ([]string, error)
	planning planning
}

func newQuestion(c *Console, title string, text []string, apply string, yes func() tea.Cmd) *question {
	return &question{c: c, title: title, text: text, apply: apply, yes: yes, ready: true}
}

// Title is the pane's part of the breadcrumbs.
func (q *question) Title() string { return q.title }

// Keys says which bindings can be used.
func (q *question) Keys() paneKeys { return paneKeys{Scope: keys.Confirm, Disabled: q.disabled} }

func (q *question) disabled(a keys.Action) string {
	if (a == keys.Apply || a == keys.Choose && q.chosen) && !q.ready {
		return "what it would do is still being computed"
	}
	return q.planDisabled(a)
}

// deaf says whether keys are still those that were typed before the question
// was on the screen.
func (q *question) deaf() bool { return q.c.deafSince(q.opened) }

// early says that a key was not taken: who types fast must not wonder.
func (c *Console) early() {
	c.say(slog.LevelInfo, "the key came before this could be read, and was not taken; press it again")
}

// deafSince says whether keys are still those that were typed before something
// came on the screen.
func (c *Console) deafSince(opened time.Time) bool {
	open := c.now.Sub(opened)
	return open < graceQuiet || c.keyGap < graceQuiet && open < graceCeiling
}

// Update takes in an action.
func (q *question) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case shown:
		if q.opened.IsZero() {
			q.opened = q.c.now
			return q.read()
		}
	case changed:
		return q.read() // the plan that is shown must be the plan that is made
	case do:
		switch keys.Action(msg) {
		case keys.Up:
			q.top--
		case keys.Down:
			q.top++
		case keys.PageUp:
			q.top -= max(1, q.height-1)
		case keys.PageDown:
			q.top += max(1, q.height-1)
		case keys.CancelIt:
			q.planning.request.stop()
			return q.c.pop()
		case keys.PlanIt:
			return q.startPlan()
		case keys.NextButton:
			if !q.deaf() {
				q.chosen = !q.chosen
			}
		case keys.Choose:
			if q.working {
				return nil
			}
			if q.deaf() {
				q.c.early()
				return nil
			}
			if !q.chosen {
				q.planning.request.stop()
				return q.c.pop()
			}
			return q.take()
		case keys.Apply:
			if q.working {
				return nil
			}
			if q.deaf() {
				q.c.early()
				return nil
			}
			return q.take()
		}
	}
	return nil
}

func (q *question) take() tea.Cmd {
	q.planning.request.stop()
	q.planning.running = false
	q.working = true
	return q.yes()
}

func (q *question) read() tea.Cmd {
	if q.load == nil || q.working {
		return nil
	}
	load, s := q.load, q.c.scribe
	return q.request.start(q.c.ctx, func(ctx context.Context) func() tea.Cmd {
		text, err := load(ctx, s)
		return func() tea.Cmd {
			if err != nil {
				cmd := q.c.drop(q)
				return tea.Batch(cmd, q.c.tell(err))
			}
			q.text, q.ready = text, true
			return nil
		}
	})
}

// View draws the text and the two answers below it.
func (q *question) View(w, h int) string {
	var lines []string
	for i, l := range append(q.text[:len(q.text):len(q.text)], q.planLines()...) {
		if q.planning.turn && i == len(q.text) {
			q.top, q.planning.turn = len(lines)+1, false
		}
		lines = append(lines, wrapText(l, w-4)...)
	}
	if !q.ready {
		lines = []string{orWord(q.wait, "computing what it would do")}
	}
	q.height = max(1, h-4)
	q.lines = len(lines)
	q.top = max(0, min(q.top, q.lines-q.height))
	out := []string{""}
	for _, l := range lines[q.top:min(len(lines), q.top+q.height)] {
		switch {
		case strings.HasPrefix(l, "! "):
			l = q.c.styles.Warn.Render(l)
		case heading(l):
			l = q.c.styles.Title.Render(l)
		}
		out = append(out, "  "+l)
	}
	for len(out) < min(h-3, len(lines)+1) {
		out = append(out, "")
	}
	more := ""
	if q.lines > q.height {
		more = "   (more below and above: Up, Down)"
	}
	cancel, apply := "  Cancel  ", "  "+q.apply+"  "
	if q.working {
		return strings.Join(append(out, "", "  "+q.apply+" is being done"), "\n")
	}
	if q.chosen {
		apply = q.c.styles.Cursor.Render("[>" + q.apply + "<]")
	} else {
		cancel = q.c.styles.Cursor.Render("[>Cancel<]")
	}
	return strings.Join(append(out, "", "  "+cancel+"   "+apply+more), "\n")
}

// newRefusal shows a rule's "no": what, why and the remedy.
func newRefusal(c *Console, r *model.Refusal) pane {
	n := &noticePane{c: c, title: "Refused"}
	n.text = []string{r.What + "."}
	if r.Why != "" {
		n.text = append(n.text, "", r.Why)
	}
	if r.Code == "setup" {
		n.text[0] = r.What
		n.text = append(n.text, "", "Enter opens the Overview, which leads through them.")
		n.enter = func() tea.Cmd { return c.visitScreen(keys.ToOverview) }
	} else if r.Remedy != "" {
		n.text = append(n.text, "", "To remedy: "+r.Remedy)
	}
	return n
}

// noticePane is a message that must be read.
type noticePane struct {
	c     *Console
	title string
	text  []string
	enter func() tea.Cmd
	top   int
	fine  bool // nothing is wrong
}

// Title is the pane's part of the breadcrumbs.
func (n *noticePane) Title() string { return n.title }

// Keys says which bindings can be used.
func (n *noticePane) Keys() paneKeys { return paneKeys{Scope: keys.Notice} }

// Update takes in an action.
func (n *noticePane) Update(msg tea.Msg) tea.Cmd {
	if a, ok := msg.(do); ok {
		switch keys.Action(a) {
		case keys.Up, keys.PageUp:
			n.top--
		case keys.Down, keys.PageDown:
			n.top++
		case keys.Choose:
			if n.enter != nil {
				return n.enter()
			}
			return n.c.pop()
		}
	}
	return nil
}

// View draws the message.
func (n *noticePane) View(w, h int) string {
	var lines []string
	for _, t := range n.text {
		lines = append(lines, layout.Wrap(model.CleanLines(t), w-4)...)
	}
	n.top = max(0, min(n.top, len(lines)-(h-2)))
	out := []string{""}
	for i, l := range lines[n.top:min(len(lines), n.top+h-1)] {
		if i == 0 && n.top == 0 {
			style := n.c.styles.Bad
			if n.fine {
				style = n.c.styles.Title
			}
			l = style.Render(l)
		}
		out = append(out, "  "+l)
	}
	return strings.Join(out, "\n")
}
