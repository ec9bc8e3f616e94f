//go:build !unix

package command

// reloadSignal is a matter of Unix.
func (h *host) reloadSignal() (<-chan struct{}, func()) { return nil, func() {} }
