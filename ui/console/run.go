package console

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	tea "github.com/charmbracelet/bubbletea"

	_ "fettle/ui/background" // before Bubble Tea asks the terminal (terminal finding 1)
)

// Run shows the console on the local terminal until it is left. A closed
// terminal (SIGHUP), SIGINT, SIGTERM and the end of ctx are good ends: Run
// returns, so that the caller can close what it holds (terminal finding 9). A
// panic restores the terminal and is an error, a *Fault.
func Run(ctx context.Context, o Options, extra ...tea.ProgramOption) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if o.Output == nil {
		o.Output = os.Stdout
	}
	c, err := New(o)
	if err != nil {
		return err
	}
	defer c.Close()
	return Serve(ctx, c, append([]tea.ProgramOption{tea.WithAltScreen()}, extra...)...)
}

// Serve runs the program of a console that New made, with the input and output
// that the options give: that of a served session, too. The caller closes the
// console afterwards.
func Serve(ctx context.Context, c *Console, extra ...tea.ProgramOption) error {
	fps := c.o.FPS
	if fps <= 0 {
		fps = 30 // enough for an eye, half of Bubble Tea's own (terminal section 3.1)
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	g := &guarded{c: c, end: end}
	if c.o.Mouse {
		extra = append(extra, tea.WithMouseCellMotion())
	}
	// Bubble Tea's own signal handler sends SIGTERM to a loop that the end of ctx
	// may have stopped already, and then waits for ever: signals end ctx instead.
	p := tea.NewProgram(g, append([]tea.ProgramOption{tea.WithContext(ctx), tea.WithFPS(fps), tea.WithoutSignalHandler()}, extra...)...)
	_, err := p.Run()
	switch fault := g.fault.Load(); {
	case fault != nil:
		return fault
	case err == nil, ctx.Err() != nil && !errors.Is(err, tea.ErrProgramPanic):
		return nil
	}
	return fmt.Errorf("running the console: %w", err)
}
