package console

import (
	tea "github.com/charmbracelet/bubbletea"

	"fettle/ui/console/keys"
)

// pane is what fills the screen between the tabs and the status line. It belongs
// to the interface goroutine.
type pane interface {
	// Title is the pane's part of the breadcrumbs.
	Title() string
	// Keys says which bindings can be used.
	Keys() paneKeys
	// Update takes in an action (do), that the pane came on the screen (shown),
	// that the store or the engine changed (changed), or, while a field of text
	// has the focus, a key (tea.KeyMsg).
	Update(msg tea.Msg) tea.Cmd
	// View draws the pane. The root cuts and pads to the size.
	View(w, h int) string
}

// paneKeys is how keys reach a pane.
type paneKeys struct {
	Scope keys.Scope
	// Field says that a field of text has the focus: keys that write or edit go
	// to the pane as they are.
	Field bool
	// Disabled says why an action cannot be used now; empty = it can.
	Disabled func(keys.Action) string
}

// Messages to panes.
type (
	do      keys.Action
	shown   struct{}
	changed struct{}
)

// stepper is a pane with states of its own that Esc leaves one by one.
type stepper interface {
	// Step leaves one state; false when there is none to leave.
	Step() (tea.Cmd, bool)
}

// facts is a pane that has something to say at the right of its title.
type facts interface{ Facts() string }

// aging is a pane that may show ages: it is drawn again every minute.
type aging interface{ Aging() bool }

// minutely is an aging pane on which time alone changes more than ages.
type minutely interface{ Minute() tea.Cmd }

// marking is a pane with marked rows, about which quitting asks.
type marking interface{ Marked() int }

// filtered is a screen that can be opened with a filter.
type filtered interface{ Show(filter string) tea.Cmd }
