package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fettle/model"
	"fettle/store"
)

// What happens in a story's world beside what the program does: the catalogue
// changes and computers report. Only the store is written, as a synchronization
// and an agent write it.

// with opens the script's store for a moment.
func (s *story) with(do func(context.Context, *store.Store) error) error {
	if s.held != nil {
		return do(s.t.Context(), s.held.store)
	}
	st, err := openData(store.Options{Dir: s.data()})
	if err != nil {
		return err
	}
	ctx := s.t.Context()
	if err = st.WaitLoaded(ctx); err == nil {
		err = do(ctx, st)
	}
	return errors.Join(err, st.Close())
}

// storyID is the identifier of SOURCE/VERSION.
func storyID(word string) model.UpdateID {
	source, version, _ := strings.Cut(word, "/")
	return model.DebianID("Debian", "bookworm", source, version)
}

// offer imports an update, new or as a new revision: offer SOURCE/VERSION CLASS
// [licence=TEXT] [package=NAME] [title=TEXT] [supersedes=SOURCE/VERSION]
// [bundles=SOURCE/VERSION] [restart] [expired] [withdrawn] [removable].
func (s *story) offer(args []string) error {
	source, version, ok := strings.Cut(args[0], "/")
	class, known := model.ParseClassification(args[1])
	if !ok || !known {
		return errors.New("usage: offer SOURCE/VERSION CLASS [OPTION...]")
	}
	u := storyUpdate(source, version, class)
	for _, arg := range args[2:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "licence":
			u.Licence = value
		case "title":
			u.Title = value
		case "package":
			u.Debian.Packages = append(u.Debian.Packages, model.DebianPackage{Name: value, Arch: "amd64", Version: version, Size: 1000, SHA256: make([]byte, 32), Filename: "pool/" + value + ".deb"})
		case "supersedes":
			u.Supersedes = append(u.Supersedes, storyID(value))
		case "bundles":
			u.Bundles = append(u.Bundles, storyID(value))
		case "restart":
			u.Restart = model.RestartAlways
		case "expired":
			u.Publication = model.Expired
		case "withdrawn":
			u.Publication = model.Withdrawn
		case "removable":
			u.Removable = true
		default:
			return fmt.Errorf("offer has no option %q", key)
		}
	}
	return s.with(func(ctx context.Context, st *store.Store) error {
		_, err := st.Import(ctx, []*model.Update{u})
		return err
	})
}

// arrive has the enabled rules look at what arrived, as the engine does after a
// synchronization.
func (s *story) arrive() error {
	return s.with(func(ctx context.Context, st *store.Store) error {
		_, err := st.RunRules(ctx, nil, model.Actor{Who: "fettle", From: model.FromServer, Role: model.AccessAdministrator})
		return err
	})
}

// checkin has a computer report: checkin NAME [platform=windows] [ago=DURATION]
// [restart=REASON] and lists of SOURCE/VERSION by state: needed, downloaded,
// installed, pending, failed; of the last, CODE after a colon.
func (s *story) checkin(args []string) error {
	return s.with(func(ctx context.Context, st *store.Store) error {
		snap := st.Snapshot()
		c := model.Computer{ID: model.ComputerID("c-" + args[0]), Name: args[0], Platform: model.PlatformLinux, Role: model.RoleServer}
		if old := snap.ComputerByName(args[0]); old != nil {
			c = *old
			c.Pending = nil
		}
		now := time.Now()
		status := &model.Status{Evaluated: snap.LastUpdate()}
		for _, arg := range args[1:] {
			key, value, _ := strings.Cut(arg, "=")
			switch key {
			case "platform":
				c.Platform = model.PlatformWindows
				continue
			case "asks":
				c.Requested = strings.Split(value, ",")
				continue
			case "admission":
				c.Admission = map[string]model.Admission{"waiting": model.Waiting, "rejected": model.Rejected}[value]
				continue
			case "restart":
				c.Pending = []string{value}
				continue
			case "ago":
				d, err := time.ParseDuration(value)
				if err != nil {
					return err
				}
				now = now.Add(-d)
				continue
			}
			lists := map[string]*[]uint32{"needed": &status.Needed, "downloaded": &status.Downloaded, "installed": &status.Installed, "pending": &status.Pending, "failed": &status.Failed}
			list := lists[key]
			if list == nil {
				return fmt.Errorf("checkin has no option %q", key)
			}
			for _, word := range strings.Split(value, ",") {
				word, code, _ := strings.Cut(word, ":")
				r := snap.RowByID(storyID(word))
				if r == nil {
					return fmt.Errorf("there is no update %s", word)
				}
				*list = append(*list, r.Number)
				if key == "failed" {
					status.Failures = append(status.Failures, model.Failure{Update: r.ID, Time: now, Code: code, Text: "it did not work"})
				}
			}
			slices.Sort(*list)
		}
		c.Contacted, c.Reported, status.Reported = now, now, now
		_, err := st.Record(ctx, store.Report{Computer: c, Status: status})
		return err
	})
}

// colleague has another person propose an approval: colleague SOURCE/VERSION GROUP.
func (s *story) colleague(args []string) error {
	return s.with(func(ctx context.Context, st *store.Store) error {
		snap := st.Snapshot()
		r, g := snap.RowByID(storyID(args[0])), snap.Groups().ByName(args[1])
		if r == nil || g == nil {
			return fmt.Errorf("there is no %s or %s", args[0], args[1])
		}
		_, err := st.Make(ctx, model.Change{Kind: model.ChangeApprove, Updates: []uint32{r.Number}, Groups: []model.GroupAction{{Group: g.ID, Action: model.ActionInstall}}, Remark: "please"},
			model.Actor{Who: "colleague", From: model.FromSSH, Role: model.AccessAdministrator})
		var waiting *model.AwaitingConsent
		if errors.As(err, &waiting) {
			return nil
		}
		return err
	})
}

// replica makes the server follow another one: no command does that yet.
func (s *story) replica() error {
	return s.with(func(ctx context.Context, st *store.Store) error {
		o := st.Snapshot().Options()
		o.Replica = "debian" // the name of an upstream
		_, err := st.Make(ctx, model.Change{Kind: model.ChangeOptions, Options: &o}, model.Actor{Who: "ann", From: model.FromCommand, Role: model.AccessAdministrator})
		return err
	})
}
