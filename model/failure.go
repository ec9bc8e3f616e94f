package model

import (
	"fmt"
	"strconv"
	"strings"
)

// meaning is what a failure's code says, and what helps. Both are clauses for
// the middle of a sentence.
type meaning struct{ text, remedy string }

// agentMeanings are the codes of our own agent and of its installer.
var agentMeanings = map[string]meaning{
	"lock":          {"another program used apt or dpkg", "wait until it has finished; the agent tries again by itself"},
	"interrupted":   {"an earlier run of dpkg was cut off", "on the computer: dpkg --configure -a"},
	"disk-full":     {"the disk was full", "free some space, for example with: apt-get clean"},
	"space":         {"there was not enough space on the disk", "free some space, for example with: apt-get clean"},
	"download":      {"packages could not be fetched", "check the network and the package sources, then: fettle agent check-in"},
	"verification":  {"what was fetched is not what its vendor signed", "check in again; if it stays, the archive or a cache on the way is damaged"},
	"version-gone":  {"the archive does not offer this version any more", "fettle sync, then approve the successor"},
	"dependencies":  {"what the package depends on is missing or not installable", "approve what it waits for, or remove what stands in the way"},
	"held":          {"a package that it would change is held", "on the computer: apt-mark unhold PACKAGE, if it need not be held any more"},
	"not-root":      {"installing needs root", "run the agent as root, or allow it sudo"},
	"privilege":     {"installing needs root", "run the agent as root, or allow it sudo"},
	"not-installed": {"apt ended well, but the package is not installed in this version", "look into the installation's log on the computer"},
	"plan":          {"apt would not have done exactly what the plan says, so nothing was installed", "fettle agent plan says what stands in the way"},
	"refused":       {"apt would not have done exactly what the plan says, so nothing was installed", "fettle agent plan says what stands in the way"},
	"not-approved":  {"the approval was taken back before the installation began", ""},
	"order":         {"the installer could not read its order", "agent and installer must be of the same version"},
	"protocol":      {"agent and server are of versions that do not understand each other", "bring both to the same version"},
	"busy":          {"another installation was running", "the agent tries again by itself"},
	"no-apt":        {"the computer has no working apt", "install apt and dpkg, or take the computer out of management"},
	"timeout":       {"it took too long and was given up", "look into the installation's log on the computer"},
}

// Remedies that several codes share.
const (
	checkNetwork = "check name resolution, proxy and firewall between the computer and its server"
	repairStore  = "on the computer: DISM /Online /Cleanup-Image /RestoreHealth, then try again"
	readMsiLog   = "look into the installer's log on the computer (%windir%\\Temp, %windir%\\Logs)"
	trustRoot    = "install the certificate authority of the server on the computer, or its missing root certificates"
	restartFirst = "restart the computer, then let it check in"
)

// windowsMeanings are the codes that Windows computers report most, by their
// HRESULT: 0x8024 are the Windows Update agent's own (wuerror.h), 0x8007 wraps
// Win32's, 0x800F are the servicing stack's, 0x80072E and 0x80072F the network's.
var windowsMeanings = map[uint32]meaning{
	0x00240005: {"it was installed and waits for a restart", restartFirst},
	0x80240001: {"the Windows Update service could not be reached on the computer", "start the service wuauserv there"},
	0x8024000B: {"the installation was cancelled", ""},
	0x8024000E: {"the description of an update could not be read", "synchronize again; if it stays, decline the update"},
	0x80240016: {"another installation was running, or a restart was pending", restartFirst},
	0x80240017: {"the update does not apply to the computer", "let it detect anew; a superseding update may be installed"},
	0x8024001E: {"the Windows Update service was being stopped", "it is tried again at the next check-in"},
	0x8024001F: {"there was no network connection", checkNetwork},
	0x80240020: {"nobody was logged in, and the update needs a user", "install it while somebody is logged in"},
	0x80240022: {"every update of the attempt failed", "the failure before it in the list says why"},
	0x80240023: {"the licence terms were declined", "fettle accept-licence UPDATE"},
	0x80240024: {"there was nothing to install", ""},
	0x80240025: {"a group policy keeps users from Windows Update", "install it by a deadline or a schedule"},
	0x80240438: {"the server could not be reached", checkNetwork},
	0x80240FFF: {"the Windows Update agent met an error of its own", "look into WindowsUpdate.log on the computer"},
	0x80242006: {"the description of the update is damaged", "synchronize again"},
	0x8024200B: {"the update's installer failed", readMsiLog},
	0x8024200D: {"its files have to be downloaded again", "it is tried again at the next check-in"},
	0x80242014: {"the work after the restart is not finished", restartFirst},
	0x80242015: {"how the work after the restart ended is not known", "let the computer detect anew"},
	0x80242016: {"the update was in an unexpected state after the restart", "let the computer detect anew"},
	0x80244007: {"the server answered with a fault", "look into the server's log"},
	0x80244010: {"the catalogue was too large for one detection", "decline superseded updates with fettle cleanup run; detection goes on at the next check-in"},
	0x80244017: {"the server demanded authentication (HTTP 401)", checkNetwork},
	0x80244018: {"access was forbidden (HTTP 403)", checkNetwork},
	0x80244019: {"a file was not found on the server (HTTP 404)", "check that its content is complete on the server"},
	0x8024401B: {"the proxy demanded authentication (HTTP 407)", "let the computer's account pass the proxy"},
	0x8024401C: {"the server did not answer in time (HTTP 408)", checkNetwork},
	0x8024401F: {"the server met an error (HTTP 500)", "look into the server's log"},
	0x80244021: {"a gateway on the way failed (HTTP 502)", checkNetwork},
	0x80244022: {"the server was overloaded or not ready (HTTP 503)", "it is tried again; if it stays, look at the server's load"},
	0x80244023: {"a gateway on the way did not answer in time (HTTP 504)", checkNetwork},
	0x8024402C: {"the name of the server or of the proxy could not be resolved", checkNetwork},
	0x80246002: {"a downloaded file is not what the catalogue describes", "it is downloaded again; if it stays, check the content on the server"},
	0x80246005: {"there was no network connection for the download", checkNetwork},
	0x80246007: {"the update had not been downloaded", "it is tried again at the next check-in"},
	0x80246008: {"the background transfer service (BITS) could not be reached", "start the service BITS on the computer"},
	0x80248007: {"the agent's own data on the update are missing", "let the computer detect anew"},
	0x80070002: {"a file is missing on the computer", repairStore},
	0x80070003: {"a folder is missing on the computer", repairStore},
	0x80070005: {"access was denied on the computer", "look for a security program that blocks the installation"},
	0x8007000D: {"data of the installation are damaged", repairStore},
	0x8007000E: {"the computer was out of memory", "close programs or restart it"},
	0x80070020: {"a file was in use by another program", restartFirst},
	0x80070070: {"the disk was full", "free some space on the computer"},
	0x80070422: {"a service that it needs is disabled", "enable the services wuauserv and BITS on the computer"},
	0x800705B4: {"it took too long and was given up", "it is tried again at the next check-in"},
	0x80070641: {"the Windows Installer could not be reached", "start the service msiserver on the computer"},
	0x80070643: {"the update's own installer failed (1603)", readMsiLog},
	0x80070652: {"another installation was running", "it is tried again at the next check-in"},
	0x80070BC2: {"it was installed and waits for a restart", restartFirst},
	0x80070BC9: {"an earlier installation waits for a restart", restartFirst},
	0x80071A91: {"the file system's transactions failed", restartFirst},
	0x80072EE2: {"the server did not answer in time", checkNetwork},
	0x80072EE7: {"the name of the server could not be resolved", checkNetwork},
	0x80072EFD: {"no connection to the server could be made", checkNetwork},
	0x80072EFE: {"the connection to the server broke", checkNetwork},
	0x80072F8F: {"no secure connection could be made", "check the computer's clock, and that it trusts the server's certificate"},
	0x80073712: {"the component store of Windows is damaged", repairStore},
	0x80080005: {"a Windows component could not be started", restartFirst},
	0x80092004: {"the signature of a file could not be checked", "the computer needs the update that brings SHA-2 signatures"},
	0x800B0101: {"a certificate has expired, or the computer's clock is wrong", "check the computer's clock"},
	0x800B0109: {"a certificate comes from an authority that the computer does not trust", trustRoot},
	0x800F0805: {"the package is not valid for this Windows", "decline it for this group"},
	0x800F081E: {"the update does not apply to this Windows", "let the computer detect anew"},
	0x800F081F: {"files to repair Windows from were not found", repairStore},
	0x800F0823: {"a newer servicing stack must be installed first", "approve the newest servicing stack update"},
	0x800F0831: {"the component store of Windows lacks an earlier update", repairStore},
	0x800F0922: {"the installation failed at its end and was rolled back", "free space on the system partition, then try again"},
}

// exitMeanings are exit statuses of apt-get and dpkg, and of programs at large.
var exitMeanings = map[int]meaning{
	1:   {"dpkg could not install a package", "look into the installation's log on the computer"},
	2:   {"dpkg met an error that it could not handle", "look into the installation's log on the computer"},
	100: {"apt-get met an error", "look into the installation's log on the computer"},
	126: {"apt-get or dpkg could not be started", "check the permissions of the programs on the computer"},
	127: {"apt-get or dpkg was not found", "install apt and dpkg on the computer"},
	130: {"somebody interrupted the installation", "on the computer: dpkg --configure -a"},
	134: {"apt-get or dpkg broke down", "on the computer: dpkg --configure -a"},
	137: {"the system killed the installation, perhaps for want of memory", "on the computer: dpkg --configure -a"},
	139: {"apt-get or dpkg broke down", "on the computer: dpkg --configure -a"},
	143: {"the installation was ended from outside", "on the computer: dpkg --configure -a"},
}

// FailureMeaning says in words what a failure's code means and what helps
// (issue 3.8): codes of our own agent ("verification"), exit statuses of apt-get
// and dpkg ("apt-100", "dpkg-2"), and HRESULTs of Windows, in hexadecimal or as
// the signed number that the protocol carries. Both are empty for a code that
// nobody knows.
func FailureMeaning(code string) (meaning, remedy string) {
	code = strings.ToLower(strings.TrimSpace(code))
	if m, ok := agentMeanings[code]; ok {
		return m.text, m.remedy
	}
	for _, program := range []string{"apt-", "dpkg-"} {
		if rest, ok := strings.CutPrefix(code, program); ok {
			n, err := strconv.Atoi(rest)
			if err != nil || n < 0 || n > 255 {
				return "", ""
			}
			if m, ok := exitMeanings[n]; ok {
				return m.text, m.remedy
			}
			return fmt.Sprintf("%s ended with status %d", strings.TrimSuffix(program, "-"), n), "look into the installation's log on the computer"
		}
	}
	result, ok := parseHRESULT(code)
	if !ok {
		return "", ""
	}
	if m, ok := windowsMeanings[result]; ok {
		return m.text, m.remedy
	}
	switch result >> 16 {
	case 0x8007:
		return fmt.Sprintf("Windows reported error %d", result&0xffff), fmt.Sprintf("on a Windows computer its words are given by: net helpmsg %d", result&0xffff)
	case 0x8024:
		return "the Windows Update agent met an error of its own", "look into WindowsUpdate.log on the computer"
	case 0x800f:
		return "the servicing stack of Windows met an error", "look into CBS.log on the computer"
	}
	return "", ""
}

// parseHRESULT reads "0x80240022", "80240022" or "-2145124318".
func parseHRESULT(code string) (uint32, bool) {
	if hex, ok := strings.CutPrefix(code, "0x"); ok || len(code) == 8 {
		n, err := strconv.ParseUint(hex, 16, 32)
		return uint32(n), err == nil
	}
	n, err := strconv.ParseInt(code, 10, 64)
	if err != nil || n < -1<<31 || n >= 1<<32 {
		return 0, false
	}
	return uint32(n), true
}
