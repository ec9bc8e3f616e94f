package console

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"
)

// request is one kind of reading that a pane does again and again: the rows of
// a list, the details of the row under the cursor. Starting it anew cancels what
// runs and makes its answer worthless.
type request struct {
	id      uint64
	cancel  context.CancelFunc
	pending bool
}

// answered is the answer of a request.
type answered struct {
	request *request
	id      uint64
	apply   func() tea.Cmd
}

// start runs work off the interface goroutine; the function that it gives runs
// on it, unless the request was started again.
func (r *request) start(ctx context.Context, work func(context.Context) func() tea.Cmd) tea.Cmd {
	r.stop()
	r.id++
	r.pending = true
	id := r.id
	ctx, r.cancel = context.WithCancel(ctx)
	return func() tea.Msg { return answered{r, id, work(ctx)} }
}

// stop drops the answer of what runs.
func (r *request) stop() {
	if r.cancel != nil {
		r.cancel()
		r.cancel = nil
	}
	r.id++
	r.pending = false
}

// take applies an answer, if it is still wanted.
func (a answered) take() tea.Cmd {
	r := a.request
	if r.id != a.id {
		return nil
	}
	r.pending = false
	if r.cancel != nil {
		r.cancel()
		r.cancel = nil
	}
	if a.apply == nil {
		return nil
	}
	return a.apply()
}
