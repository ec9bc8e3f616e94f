package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check every record, index and count of the store, and the journal",
		Long: `Check every record, index and count of the store against each other, and the
journal. Nothing is changed.`,
		Args: between(0, 0, ""),
		RunE: a.held(long, func(ctx context.Context, h *host, _ []string) error {
			m := a.meter()
			v, err := h.store.Verify(ctx, m.show)
			m.clear()
			if err != nil {
				return err
			}
			var checked object
			for _, c := range v.Checked {
				checked = append(checked, member{key: c.What, title: c.What, value: c.Count})
			}
			if a.flags.json || a.flags.csv {
				err = a.writeObject(object{{key: "ok", value: len(v.Problems) == 0}, {key: "problems", value: v.Problems}, {key: "checked", value: checked}, {key: "journal_head", value: v.Journal.Head}})
			} else if err = a.writeObject(checked); err == nil {
				for _, p := range v.Problems {
					fmt.Fprintf(a.s.Out, "PROBLEM: %s\n", model.Clean(p))
				}
				if len(v.Problems) == 0 {
					fmt.Fprintln(a.s.Out, "Everything is as it should be.")
				}
			}
			if err == nil && len(v.Problems) > 0 {
				err = fmt.Errorf("the check found %s. Keep a copy of %s; restore a backup with: fettle restore FILE --data NEW-DIRECTORY", count(len(v.Problems), "problem"), h.dir)
			}
			return err
		}),
	}
}

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write everything into one file",
		Long: `Write everything into one file, which appears only when it is whole; "-" means
standard output. Others go on working meanwhile. The keys are not part of a
backup: keep copies of their directory elsewhere.`,
		Args: between(1, 1, `a file, or "-"`),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" {
				return a.held(long, func(ctx context.Context, h *host, _ []string) error { return h.store.Backup(ctx, a.s.Out) })(cmd, args)
			}
			return a.local(a.backup)(cmd, args)
		},
	}
}

// backup writes the file in the caller's process, wherever the store is.
func (a *app) backup(ctx context.Context, _ *cobra.Command, args []string) (err error) {
	path := args[0]
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	out := bufio.NewWriterSize(f, 1<<20)
	there := *a.s
	there.Args, there.Out, there.In, there.Size.Width = []string{"backup", "-"}, out, nil, 0
	h, err := a.reachOr(ctx, &there)
	if h != nil {
		err = h.listen()
		if err == nil {
			err = h.store.WaitLoaded(ctx)
		}
		if err == nil {
			err = h.store.Backup(ctx, out)
		}
		err = errors.Join(err, h.close(ctx, a.say))
	}
	if err != nil {
		return err
	}
	if err := errors.Join(out.Flush(), f.Sync()); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if a.flags.json || a.flags.csv {
		return a.writeObject(object{{key: "file", value: path}, {key: "bytes", value: info.Size()}})
	}
	fmt.Fprintf(a.s.Out, "Wrote %s, %s. Keep the keys apart from it.\n", model.Clean(path), size(info.Size()))
	return nil
}

func (a *app) restoreCommand() *cobra.Command {
	return a.planned(&cobra.Command{
		Use:   "restore FILE",
		Short: "Make a store from a backup, in a data directory that has none",
		Long: `Make a store from a backup, in a data directory that has none: nothing is ever
overwritten. "-" means standard input. Afterwards everything is checked.`,
		Example: "  fettle restore fettle.backup --data /srv/fettle-restored",
		Args:    between(1, 1, `a file, or "-"`),
		RunE:    a.local(a.restore),
	})
}

func (a *app) restore(ctx context.Context, _ *cobra.Command, args []string) error {
	if err := a.permit("The backup was not restored"); err != nil && !a.flags.plan {
		return err
	}
	// A directory whose holder answers has a store; so has one that is somebody
	// else's: only one's own place is restored to.
	var dir string
	for _, p := range a.places() {
		if !p.attach {
			dir = p.dir
		}
	}
	if a.flags.plan {
		return a.planRestore(args[0], dir)
	}
	in, err := io.Reader(a.s.In), error(nil)
	if args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("reading the backup: %w", err)
		}
		defer f.Close()
		in = f
	}
	o := store.Options{Dir: dir, Keys: a.config.Data.Keys, Clock: time.Now, Log: discard()}
	if err = store.Restore(ctx, bufio.NewReaderSize(in, 1<<20), o, a.actor()); err != nil {
		return err
	}
	s, err := store.Open(o)
	if err != nil {
		return &storeError{err}
	}
	v, err := s.Verify(ctx, nil)
	if err = errors.Join(err, s.Close()); err != nil {
		return fmt.Errorf("the backup was restored, but it could not be checked: %w", err)
	}
	for _, p := range v.Problems {
		a.say("PROBLEM: %s", model.Clean(p))
	}
	if len(v.Problems) > 0 {
		return fmt.Errorf("the backup was restored to %s, but the check found %s", dir, count(len(v.Problems), "problem"))
	}
	if a.flags.json || a.flags.csv {
		return a.writeObject(object{{key: "directory", value: dir}, {key: "journal_entries", value: v.Journal.Entries}, {key: "journal_head", value: v.Journal.Head}})
	}
	fmt.Fprintf(a.s.Out, "Restored to %s and checked: everything is as it should be.\n", dir)
	return nil
}

// planRestore says where a backup would go, and whether it could.
func (a *app) planRestore(file, dir string) error {
	if file != "-" {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("reading the backup: %w", err)
		}
	}
	free := true
	if _, err := os.Stat(filepath.Join(dir, "store")); err == nil {
		free = false
	}
	if a.flags.json || a.flags.csv {
		return a.writeObject(object{{key: "file", value: file}, {key: "directory", value: dir}, {key: "possible", value: free}})
	}
	if !free {
		return a.paragraph(a.s.Out, "", fmt.Sprintf("%s holds a store already; nothing is ever overwritten: name a new directory with --data.", dir))
	}
	return a.paragraph(a.s.Out, "", fmt.Sprintf("It would make a store in %s from %s, and check it.", dir, file))
}
