package agent

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fettle/model"
)

// kernelPackage is a versioned kernel image: the release that `uname -r` shows
// follows the prefix. Its last part, without digits before it, is the flavour.
var (
	kernelPackage = regexp.MustCompile(`^linux-image-(?:unsigned-)?([0-9].*)$`)
	kernelRelease = regexp.MustCompile(`^([0-9][0-9.]*(?:[-+~][0-9a-z.~+]*[0-9][0-9a-z.~+]*)*)-([a-z].*)$`)
	kernelBuild   = regexp.MustCompile(`Debian (\S+)`)
)

// kernelFlavour splits a release: "6.1.0-18-cloud-amd64" is "6.1.0-18" of the
// flavour "cloud-amd64".
func kernelFlavour(release string) (version, flavour string, ok bool) {
	m := kernelRelease.FindStringSubmatch(release)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// kernelPending says why the running kernel is not the newest installed one of
// its flavour; empty when it is. Versions are compared as Debian's, never as
// text, or 6.1.0-9 would be newer than 6.1.0-18. The same release may have been
// rebuilt: then the build in `uname -v` tells.
func kernelPending(release, build string, packages []model.InstalledPackage) string {
	running, flavour, ok := kernelFlavour(release)
	if !ok {
		return ""
	}
	newest, newestRelease := running, release
	found := false
	for _, p := range packages {
		m := kernelPackage.FindStringSubmatch(p.Name)
		if m == nil || p.State != model.PackageInstalled && p.State != model.PackageTriggers {
			continue
		}
		v, f, ok := kernelFlavour(m[1])
		if !ok || f != flavour {
			continue
		}
		found = true
		if model.CompareDebianVersions(v, newest) > 0 {
			newest, newestRelease = v, m[1]
		}
		if b := kernelBuild.FindStringSubmatch(build); v == running && b != nil && model.CompareDebianVersions(p.Version, b[1]) > 0 && newestRelease == release {
			newestRelease = release + " (" + p.Version + ")"
		}
	}
	if !found || newestRelease == release {
		return "" // a kernel that no package brought, as in a container, is not compared
	}
	return "kernel " + newestRelease + " is installed, but " + release + " is running"
}

// restartPending says why a restart is pending, and which packages want it.
func (a *Agent) restartPending(packages []model.InstalledPackage) (reasons, wanting []string) {
	if _, err := os.Stat(a.path("run/reboot-required")); err == nil {
		raw, _ := os.ReadFile(a.path("run/reboot-required.pkgs"))
		for line := range strings.Lines(string(raw)) {
			if name := model.Clean(strings.TrimSpace(line)); name != "" && !slices.Contains(wanting, name) && len(wanting) < 200 {
				wanting = append(wanting, name)
			}
		}
		reason := "the system asks for a restart"
		if len(wanting) > 0 {
			reason += " because of " + strings.Join(wanting, ", ")
		}
		reasons = append(reasons, reason)
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil && a.o.Root == "" {
		reason := kernelPending(unix.ByteSliceToString(name.Release[:]), unix.ByteSliceToString(name.Version[:]), packages)
		if reason != "" {
			reasons = append(reasons, reason)
			wanting = append(wanting, "linux-image-")
		}
	}
	return reasons, wanting
}

// bootID changes with every start of the computer; empty when it is not known.
func (a *Agent) bootID() string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// noteRestart brings the pending restart in the state up to date and gives the
// installed updates that wait for it. What was installed before the computer
// started is in effect.
func (a *Agent) noteRestart(st *State, packages []model.InstalledPackage) (updates []model.UpdateID) {
	boot := a.bootID()
	st.Installed = slices.DeleteFunc(st.Installed, func(i InstalledUpdate) bool { return i.Boot != boot })
	reasons, wanting := a.restartPending(packages)
	switch {
	case len(reasons) == 0:
		st.Since = time.Time{}
	case len(st.Pending) == 0:
		st.Since = a.o.Now().UTC()
	}
	st.Pending = reasons
	if len(reasons) == 0 {
		return nil
	}
	for _, i := range st.Installed {
		wants := len(wanting) == 0 // the system does not say for what: for any of them
		for _, p := range i.Packages {
			wants = wants || slices.ContainsFunc(wanting, func(w string) bool {
				return p == w || strings.HasSuffix(w, "-") && strings.HasPrefix(p, w)
			})
		}
		if wants && !slices.Contains(updates, i.Update) {
			updates = append(updates, i.Update)
		}
	}
	return updates
}
