package installer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fettle/sync/agent/apt"
)

// logged runs a program that must not be disturbed: in a session of its own,
// its output to the log file, nothing to read, and no way to cancel it. status
// gets the lines of apt's status descriptor (3).
func (s *server) logged(args []string, status func(string)) (apt.Result, error) {
	if err := os.MkdirAll(filepath.Dir(s.config.Log), 0o755); err != nil {
		return apt.Result{}, fmt.Errorf("opening the log: %w", err)
	}
	log, err := os.OpenFile(s.config.Log, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o640)
	if err != nil {
		return apt.Result{}, fmt.Errorf("opening the log: %w", err)
	}
	defer log.Close()
	start, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return apt.Result{}, fmt.Errorf("opening the log: %w", err)
	}
	args = append(append([]string{}, s.config.Prefix...), args...)
	fmt.Fprintf(log, "# %s\n", strings.Join(args, " "))
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(apt.Environment(), "APT_LISTCHANGES_FRONTEND=none", "APT_LISTBUGS_FRONTEND=none",
		"NEEDRESTART_MODE="+s.config.Needrestart, "UCF_FORCE_CONFFOLD=1")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	read, write, err := os.Pipe()
	if err != nil {
		return apt.Result{}, fmt.Errorf("making apt's status descriptor: %w", err)
	}
	defer read.Close()
	cmd.ExtraFiles = []*os.File{write}
	if err := cmd.Start(); err != nil {
		write.Close()
		return apt.Result{}, fmt.Errorf("running %s: %w", args[0], err)
	}
	write.Close()
	// The reader ends when the last holder of the descriptor does; a daemon that
	// a maintainer script started might keep it, so the wait is for the program.
	done := make(chan struct{})
	heard := make(chan struct{}, 1)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watch(filepath.Base(args[0]), heard, done)
	}()
	go func() {
		defer close(done)
		lines := bufio.NewScanner(read)
		for lines.Scan() {
			select {
			case heard <- struct{}{}:
			default:
			}
			if status != nil {
				status(lines.Text())
			}
		}
		_, _ = io.Copy(io.Discard, read)
	}()
	err = cmd.Wait()
	_ = read.SetReadDeadline(time.Now().Add(time.Second))
	<-done
	<-watched
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return apt.Result{}, fmt.Errorf("running %s: %w", args[0], err)
	}
	said, readErr := io.ReadAll(io.LimitReader(io.NewSectionReader(log, start, 1<<40), 4<<20))
	if readErr != nil {
		return apt.Result{}, fmt.Errorf("reading the log: %w", readErr)
	}
	_, text, _ := strings.Cut(string(said), "\n") // without the command line
	code := cmd.ProcessState.ExitCode()
	if code < 0 {
		code = 128 // ended by a signal
	}
	return apt.Result{Stdout: text, Code: code}, nil
}

// watch tells when a program is silent for long, until it is done. Silence leads
// to a report, never to a signal (peers 6c.8).
func (s *server) watch(program string, heard, done <-chan struct{}) {
	timer := time.NewTimer(s.config.Silence)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case <-heard:
			timer.Reset(s.config.Silence)
		case <-timer.C:
			s.tell(Message{Phase: "waiting", Text: fmt.Sprintf("%s has said nothing for %s; it is not disturbed", program, s.config.Silence)})
		}
	}
}

// tellWhoHoldsTheLock says for whom apt-get is about to wait.
func (s *server) tellWhoHoldsTheLock() {
	if who := s.system.Busy(); who != "" {
		s.tell(Message{Phase: "waiting", Text: "the package database is in use by " + who})
	}
}

// freeSpace asks the file system that holds a path.
func freeSpace(path string) (free, device uint64, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return 0, 0, fmt.Errorf("asking for the free space of %s: %w", path, err)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, fmt.Errorf("asking for the free space of %s: %w", path, err)
	}
	return fs.Bavail * uint64(fs.Bsize), uint64(st.Dev), nil
}
