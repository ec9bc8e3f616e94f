//go:build unix

package command

import (
	"os"
	"os/signal"
	"syscall"
)

// reloadSignal asks to read the configuration again when SIGUSR1 comes. SIGHUP
// stays what it is: the terminal was closed.
func (h *host) reloadSignal() (<-chan struct{}, func()) {
	signals, asked := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGUSR1)
	end := make(chan struct{})
	go func() {
		defer close(asked)
		for {
			select {
			case <-end:
				return
			case <-signals:
			}
			select {
			case <-end:
				return
			case asked <- struct{}{}:
			}
		}
	}()
	return asked, func() {
		signal.Stop(signals)
		close(end)
	}
}
