package simulation

// Words from which invented names are made. None names a real person or firm;
// the products of the Windows family are named as administrators know them,
// because titles, formulas and searches depend on that.
var (
	vendors = []string{"Arbor", "Bellweather", "Corvane", "Dunmore", "Elstra", "Fennick", "Garrow", "Halden", "Istrel", "Jorvik Micro", "Kestrom", "Lumenta"}
	devices = []string{"Display", "Net", "Audio", "Bluetooth", "Storage", "Firmware", "Camera", "Biometric", "System", "Extension"}
	models  = []string{"Latch 5440", "Latch 7450", "Tower 3000", "Tower 7010", "Slate 13", "Rack R250", "Rack R650", "Rack R750", "Blade 460", "Pocket 9"}

	components = []string{"Calendar", "Charts", "Compatibility Layer", "Dictation", "Equations", "Forms", "Graphics Filters", "Junk Filter", "Layouts",
		"Mail", "Notes", "Outline View", "Pages", "Proofing Tools", "Sheets", "Slides", "Spelling", "Tables", "Templates", "Translator"}

	stems = []string{"alder", "amber", "anchor", "arrow", "aster", "badge", "basil", "beacon", "birch", "bramble", "bridge", "cairn", "cedar", "cinder", "clover", "comet",
		"copper", "coral", "crane", "dapple", "delta", "drift", "ember", "falcon", "fennel", "fern", "flint", "fjord", "garnet", "glade", "gorse", "harbor", "hazel", "heron",
		"indigo", "iris", "ivory", "jasper", "juniper", "kelp", "kestrel", "lagoon", "lantern", "larch", "lark", "linden", "lotus", "lupin", "maple", "marble", "marsh", "mica",
		"minnow", "moss", "nectar", "nettle", "oak", "onyx", "opal", "orchid", "osprey", "otter", "pebble", "pine", "plover", "quartz", "quill", "raven", "reed", "ridge", "robin",
		"rowan", "sable", "saffron", "sedge", "shale", "sorrel", "spruce", "starling", "stone", "sumac", "tansy", "teal", "thistle", "thyme", "topaz", "umber", "vale", "verbena",
		"walnut", "willow", "wren", "yarrow", "zephyr"}
	trades   = []string{"auth", "cache", "codec", "conf", "core", "crypt", "daemon", "db", "dns", "edit", "fetch", "font", "fs", "gate", "grid", "http", "index", "kit", "log", "mail", "mesh", "meter", "net", "parse", "plot", "proxy", "query", "queue", "render", "shell", "sched", "sign", "sock", "store", "sync", "term", "tls", "trace", "view", "web", "xml", "zip"}
	sections = []string{"admin", "base", "database", "devel", "editors", "games", "graphics", "httpd", "libs", "mail", "net", "python", "shells", "sound", "text", "utils", "video", "web"}
	synopses = []string{"small and fast %s service", "library for %s handling", "tools for working with %s", "%s support for the command line", "modular %s framework", "reference implementation of %s", "interactive %s browser", "bindings for %s"}

	cities = []city{
		{"berlin", "Europe/Berlin"}, {"nairobi", "Africa/Nairobi"}, {"osaka", "Asia/Tokyo"}, {"lima", "America/Lima"}, {"chicago", "America/Chicago"}, {"sydney", "Australia/Sydney"},
		{"kolkata", "Asia/Kolkata"}, {"reykjavik", "Atlantic/Reykjavik"}, {"saopaulo", "America/Sao_Paulo"}, {"dublin", "Europe/Dublin"}, {"auckland", "Pacific/Auckland"}, {"kathmandu", "Asia/Kathmandu"},
	}
	departments = []string{"Accounts", "Archive", "Design", "Front Desk", "Laboratory", "Legal", "Logistics", "Planning", "Sales", "Workshop"}
	services    = []string{"web", "db", "mail", "file", "print", "proxy", "build", "mon", "auth", "app"}

	// curious titles try every screen and report: wide, combining and
	// right-to-left characters, and what must never reach a terminal (design 10).
	curious = []string{
		"セキュリティ更新プログラム (%s) 累積的な更新",
		"安全更新程序 — 适用于 %s 的累积更新",
		"تحديث أمني لنظام %s",
		"עדכון אבטחה עבור %s",
		"Mise à jour de sécurité pour %s (réf. e\u0301te\u0301)",
		"Update 🔒👩\u200d💻 for %s — emoji and joiners",
		"Evil \x1b[31mred\x1b[0m update for %s \x1b]0;owned\x07",
		"Two\nlines\tand a bell\a for %s",
		"Hidden \u202egnp.exe\u202c for %s",
		"Zalgo u\u0336p\u0337d\u0338a\u0335t\u0334e\u0336 for %s",
		"ﷺ very wide ligature for %s",
		"Update for %s with an exceedingly long title that goes on and on and on and does not want to end before every column of even a very wide terminal has been filled with it, twice over, and then some more words follow for good measure",
	}
)

// city is a place where computers stand.
type city struct{ name, zone string }
