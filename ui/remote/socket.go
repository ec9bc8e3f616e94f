package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// SocketName is the name of the socket in the data directory.
const SocketName = "fettle.sock"

// Why an attempt to attach failed.
var (
	ErrNobody = errors.New("nobody listens")
	ErrDenied = errors.New("the socket belongs to somebody else")
	ErrSilent = errors.New("somebody listens, but does not answer")
)

// pathLimit is the longest path of a Unix socket: 108 bytes with the final zero.
const pathLimit = 107

// short gives a path to a socket that fits. Longer ones go through the directory's
// descriptor, so that the socket is where it belongs however long its path is.
func short(path string) (string, func(), error) {
	if len(path) <= pathLimit {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	name := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))
	if len(name) > pathLimit {
		return "", nil, errors.Join(fmt.Errorf("the name of the socket %s is too long", path), dir.Close())
	}
	return name, func() { dir.Close() }, nil
}

// connect opens a connection to the socket and makes sure who is at its end.
func connect(ctx context.Context, socket string, timeout time.Duration) (net.Conn, error) {
	name, release, err := short(socket)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w at %s", ErrNobody, socket)
	}
	if err != nil {
		return nil, fmt.Errorf("attaching at %s: %w", socket, err)
	}
	defer release()
	d := net.Dialer{Timeout: timeout}
	conn, err := d.DialContext(ctx, "unix", name)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTSOCK), errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("%w at %s", ErrNobody, socket)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: %s", ErrDenied, socket)
	case errors.Is(err, syscall.EAGAIN), os.IsTimeout(err):
		return nil, fmt.Errorf("%w at %s", ErrSilent, socket) // its queue is full: it does not accept
	default:
		return nil, fmt.Errorf("attaching at %s: %w", socket, err)
	}
	uid, _, err := peer(conn)
	if err == nil && uid != 0 && uid != os.Geteuid() {
		err = fmt.Errorf("%w: user %d listens at %s", ErrDenied, uid, socket)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// listen makes the socket. Whoever holds the store may take over a socket that
// nobody listens on: its process died.
func listen(socket string) (net.Listener, error) {
	if conn, err := connect(context.Background(), socket, time.Second); err == nil {
		conn.Close()
		return nil, fmt.Errorf("another process listens at %s; give this one a socket of its own ([data] socket in config.toml)", socket)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing the socket that a process left behind: %w", err)
	}
	name, release, err := short(socket)
	if err != nil {
		return nil, fmt.Errorf("listening at %s: %w", socket, err)
	}
	defer release()
	l, err := net.Listen("unix", name)
	if err != nil {
		return nil, fmt.Errorf("listening at %s: %w", socket, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // its name may be that of a closed descriptor by then
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protecting the socket: %w", err), l.Close(), os.Remove(socket))
	}
	return l, nil
}
