package debian

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os/exec"
	"path"
	"strings"
	"time"

	"fettle/model"
	"fettle/sync/upstream/debian/archive"
	"fettle/sync/upstream/debian/deb822"
)

// ErrNoApt says that this computer has no apt.
var ErrNoApt = errors.New("this computer has no apt (apt-get was not found), so there are no archives of its own to read; " +
	"groups, policies, rules and reports can be managed from here, but the catalogue has to come from another upstream, " +
	"or from fettle on a Debian or Ubuntu computer (fettle backup there, fettle restore here)")

// helper reads lists in whatever way apt compressed them. It belongs to package
// apt, and is where unattended-upgrades' own scripts look for it too.
const helper = "/usr/lib/apt/apt-helper"

// apt is the computer's apt, with the options that lead it to another root.
type apt struct {
	runner  Runner
	files   fs.FS
	options []string
}

// run starts a program of apt with our options behind its command.
func (a *apt) run(ctx context.Context, program string, args ...string) (io.ReadCloser, error) {
	for _, o := range a.options {
		args = append(args, "-o", o)
	}
	out, err := a.runner.Start(ctx, program, args...)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoApt
	}
	return out, err
}

// target is one Packages list that apt is configured for.
type target struct {
	uri       string // without credentials: names the list in messages and in the anchor
	base      string // address of the suite
	key       string // path below it, as the Release file lists it
	file      string // where apt keeps it
	component string
	arch      string
	trusted   bool
}

// targets asks apt which lists exist. With configured, it asks for those that
// should exist, whether or not they were ever fetched.
func (a *apt) targets(ctx context.Context, configured bool) ([]target, error) {
	args := []string{"indextargets"}
	if configured {
		// Without information from the Release files apt has no reason to
		// leave out lists that do not exist.
		args = append(args, "--no-release-info")
	}
	out, err := a.run(ctx, "apt-get", append(args, "Created-By: Packages")...)
	if err != nil {
		return nil, fmt.Errorf("asking apt for its lists: %w", err)
	}
	list, parseError := parseTargets(out)
	if err := out.Close(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		// apt opens its lists for this answer: one damaged list fails them all.
		return nil, fmt.Errorf("asking apt for its lists (correct the source that it names; if it names a damaged list, remove that file and run apt-get update): %w", err)
	}
	if parseError != nil {
		return nil, fmt.Errorf("reading apt's answer: %w", parseError)
	}
	return list, nil
}

// maxTargets bounds how many lists are looked at: a computer has tens.
const maxTargets = 10_000

// parseTargets reads the output of apt-get indextargets.
func parseTargets(r io.Reader) (list []target, err error) {
	reader := deb822.NewReader(r)
	for {
		fields, err := reader.Next()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		t := target{trusted: true}
		for _, f := range fields {
			value := string(f.Value)
			switch string(f.Name) {
			case "uri":
				t.uri = withoutCredentials(value)
			case "base-uri":
				t.base = withoutCredentials(value)
			case "metakey":
				t.key = value
			case "filename":
				t.file = value
			case "component":
				t.component = value
			case "architecture":
				t.arch = value
			case "trusted":
				t.trusted = value != "no"
			}
		}
		if t.uri == "" || t.key == "" || t.file == "" {
			return nil, fmt.Errorf("an index target lacks URI, MetaKey or Filename: %q", model.Clean(t.uri+" "+t.key+" "+t.file))
		}
		if len(list) == maxTargets {
			return nil, fmt.Errorf("apt is configured for more than %d lists", maxTargets)
		}
		list = append(list, t)
	}
}

// withoutCredentials removes user and password from an address: it is shown, and
// kept in the anchor (design 10: no secrets in logs).
func withoutCredentials(address string) string {
	if u, err := url.Parse(address); err == nil && u.User != nil {
		u.User = nil
		return u.String()
	}
	return address
}

// stem is what the names of all files of the target's suite begin with: apt keeps
// "PREFIX_dists_bookworm_main_binary-amd64_Packages" beside
// "PREFIX_dists_bookworm_InRelease".
func (t *target) stem() (string, bool) {
	i := strings.LastIndex(t.file, escape(t.key))
	if i <= strings.LastIndexByte(t.file, '/') {
		return "", false
	}
	return t.file[:i], true
}

// escape writes a path as part of a file name, as apt does (URItoFileName).
func escape(p string) string {
	const special = "\\|{}[]<>\"^~_=!@#$%^&*"
	var b strings.Builder
	for i := range len(p) {
		switch c := p[i]; {
		case c == '/':
			b.WriteByte('_')
		case c <= ' ' || c >= 0x7f || strings.IndexByte(special, c) >= 0:
			fmt.Fprintf(&b, "%%%02x", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// inFS turns an absolute path into one of the injected file system.
func inFS(p string) string { return strings.TrimPrefix(path.Clean(p), "/") }

// errNeverFetched says that there is no Release file for a configured source.
var errNeverFetched = errors.New("its lists were never fetched, or say nothing of where they come from (no Release file)")

// release reads the Release file of a target's suite. apt has checked its
// signature before it put it there.
func (a *apt) release(t *target) (*archive.Release, error) {
	stem, ok := t.stem()
	if !ok {
		return nil, fmt.Errorf("apt keeps the list as %s, whose name does not follow its address", t.file)
	}
	for _, name := range []string{"InRelease", "Release"} {
		file := inFS(stem + name)
		info, err := fs.Stat(a.files, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if info.Size() > archive.MaxReleaseSize {
			return nil, fmt.Errorf("/%s has %d bytes, more than any archive's", file, info.Size())
		}
		data, err := fs.ReadFile(a.files, file)
		if err != nil {
			return nil, err
		}
		r, err := archive.ParseRelease(data)
		if err != nil {
			return nil, fmt.Errorf("/%s: %w", file, err)
		}
		return r, nil
	}
	return nil, errNeverFetched
}

// asked says when apt last asked its archives; zero when never. It puts what it
// fetches into the directory "partial" of its lists first, even if nothing is new,
// whereas the lists keep the server's time.
func (a *apt) asked(ctx context.Context) (time.Time, error) {
	out, err := a.run(ctx, "apt-config", "shell", "LISTS", "Dir::State::lists/d")
	if err != nil {
		return time.Time{}, err
	}
	said, err := io.ReadAll(io.LimitReader(out, 64<<10))
	if err := errors.Join(err, out.Close(), ctx.Err()); err != nil {
		return time.Time{}, fmt.Errorf("asking apt where its lists are: %w", err)
	}
	folder := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(said)), "LISTS='"), "'")
	info, err := fs.Stat(a.files, inFS(path.Join(folder, "partial")))
	if err != nil {
		return time.Time{}, nil // no such folder: apt never asked
	}
	return info.ModTime(), nil
}

// compressed says whether apt keeps a list compressed.
func (t *target) compressed() bool {
	switch path.Ext(t.file) {
	case ".lz4", ".xz", ".gz", ".zst", ".bz2", ".lzma":
		return true
	}
	return false
}

// open opens a list, uncompressed.
func (a *apt) open(ctx context.Context, t *target) (io.ReadCloser, error) {
	if !t.compressed() {
		return a.files.Open(inFS(t.file))
	}
	if _, err := fs.Stat(a.files, inFS(helper)); err != nil {
		return nil, fmt.Errorf("%s is compressed and %s, which reads it, is missing: install the package apt, "+
			"or set Acquire::GzipIndexes \"false\" and run apt-get update", t.file, helper)
	}
	return a.run(ctx, helper, "cat-file", t.file)
}

// refresh runs apt-get update. What failed, source by source, is in failed; err
// is set when it did not get so far. progress is called for every file.
func (a *apt) refresh(ctx context.Context, timeout time.Duration, progress func(files int64)) (failed []model.ImportFailure, err error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// Error-Mode any: a source that fails for now is a failure too, not a
	// warning (apt-get(8), --error-on; older versions ignore the option).
	out, err := a.run(limited, "apt-get", "update", "-q",
		"-o", "APT::Update::Error-Mode=any", "-o", "Acquire::Retries=2",
		"-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30")
	if err != nil {
		return nil, err
	}
	failed, scanError := refreshFailures(out, progress)
	_, _ = io.Copy(io.Discard, out) // apt is not to be ended early by a full pipe
	err = out.Close()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, fmt.Errorf("apt-get update did not end within %v and was ended", timeout)
	case len(failed) > 0:
		return failed, nil // the exit status says nothing more
	case err != nil:
		return nil, err
	}
	return nil, scanError
}

// refreshFailures reads what apt-get update prints. A source that failed is a line
// "Err:4 ADDRESS SUITE InRelease", followed by its reason on an indented line.
func refreshFailures(out io.Reader, progress func(files int64)) (list []model.ImportFailure, err error) {
	var files int64
	reason := false // the next line may be one
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		if reason && strings.HasPrefix(line, "  ") {
			list[len(list)-1].Reason = strings.TrimSpace(model.Clean(line))
		}
		reason = false
		kind, rest, _ := strings.Cut(line, ":")
		switch kind {
		case "Hit", "Get", "Ign", "Err":
			files++
			progress(files)
		}
		if kind == "Err" && len(list) < maxTargets {
			var item []string
			for i, word := range strings.Fields(rest) {
				if i > 0 { // the first is the line's number
					item = append(item, withoutCredentials(model.Clean(word)))
				}
			}
			list = append(list, model.ImportFailure{Item: strings.Join(item, " "), Reason: "apt-get update could not fetch it"})
			reason = true
		}
	}
	return list, lines.Err()
}
