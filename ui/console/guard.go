package console

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"

	tea "github.com/charmbracelet/bubbletea"
)

// Fault is a fault of Fettle's own: a panic that was caught, so that the
// terminal could be given back before anything was said.
type Fault struct {
	What  any
	Stack []byte // for the log; never for the screen
}

// Error says what it was, in one line.
func (f *Fault) Error() string { return fmt.Sprintf("a fault in Fettle itself: %v", f.What) }

// Guard runs a function. A panic in it becomes a *Fault: one in a goroutine of
// our own would end the process with the terminal left as it is (terminal section
// 3.6), and whoever shares it.
func Guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Fault{What: p, Stack: debug.Stack()}
		}
	}()
	return f()
}

// guarded is a console whose faults end the program in good order. Bubble Tea
// catches panics too, but prints their stacks to the process's own output: that
// of a server, or a screen that is about to be cleared.
type guarded struct {
	c     *Console
	end   func()
	fault atomic.Pointer[Fault]
}

// Init begins to watch.
func (g *guarded) Init() (cmd tea.Cmd) {
	defer g.catch()
	return g.wrap(g.c.Init())
}

// Update takes in one message.
func (g *guarded) Update(msg tea.Msg) (m tea.Model, cmd tea.Cmd) {
	if g.fault.Load() != nil {
		return g, nil
	}
	defer g.catch()
	m = g
	_, cmd = g.c.Update(msg)
	return g, g.wrap(cmd)
}

// View draws the frame.
func (g *guarded) View() string {
	if g.fault.Load() != nil {
		return ""
	}
	defer g.catch()
	return g.c.View()
}

// wrap guards a command and those that it gives.
func (g *guarded) wrap(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() (msg tea.Msg) {
		defer g.catch()
		msg = cmd()
		if batch, ok := msg.(tea.BatchMsg); ok {
			for i := range batch {
				batch[i] = g.wrap(batch[i])
			}
		}
		return msg
	}
}

// catch keeps the first fault and ends the program, which restores the terminal.
func (g *guarded) catch() {
	if p := recover(); p != nil {
		g.fault.CompareAndSwap(nil, &Fault{What: p, Stack: debug.Stack()})
		g.end()
	}
}
