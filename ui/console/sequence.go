package console

import (
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// A slow line, a serial one above all, may end a read within the sequence that a
// key sends: Bubble Tea then reports Escape and the rest as characters, and an
// arrow would leave the screen and press what it is made of. What may be the
// beginning of a sequence waits for its end as long as escapeWait.

// escapeWait is how long Escape waits for what may follow it: some characters at
// 9600 baud, less than a person notices. Other programs wait longer.
const escapeWait = 50 * time.Millisecond

// begunMsg tells that the rest of a sequence did not come.
type begunMsg struct{ number uint64 }

// sequence is one that has begun.
type sequence struct {
	text   string // from Escape on; empty = none
	number uint64
}

// assemble takes in what may be part of a sequence; done is false for a key that
// is complete, for which what had begun is given up first.
func (c *Console) assemble(k tea.KeyMsg) (cmd tea.Cmd, done bool) {
	text := ""
	switch {
	case k.Paste:
	case k.Type == tea.KeyEsc && !k.Alt:
		return tea.Batch(c.giveUp(), c.hold("\x1b")), true
	case k.Type == tea.KeyRunes && k.Alt && strings.ContainsRune("[O", k.Runes[0]):
		cmd, text = c.giveUp(), "\x1b"+string(k.Runes)
	case k.Type == tea.KeyRunes && !k.Alt && c.begun.text != "":
		text = c.begun.text + string(k.Runes)
	}
	if text == "" || len(text) > 1 && !strings.ContainsAny(text[1:2], "[O") {
		return tea.Batch(cmd, c.giveUp()), false
	}
	end := strings.IndexFunc(text[2:], func(r rune) bool { return r < ' ' || r >= '@' })
	if end < 0 {
		return tea.Batch(cmd, c.hold(text)), true
	}
	c.begun.text = ""
	end += 2
	if t, ok := sequenceKeys[text[1:end+1]]; ok {
		cmd = tea.Batch(cmd, c.key(tea.KeyMsg{Type: t}))
	} // another is a key that nothing is on
	if rest := []rune(text[end+1:]); text[end] < 0x80 && len(rest) > 0 {
		cmd = tea.Batch(cmd, c.typed(tea.KeyMsg{Type: tea.KeyRunes, Runes: rest}))
	}
	return cmd, true
}

// hold waits for the rest of a sequence.
func (c *Console) hold(text string) tea.Cmd {
	c.begun.text = text
	c.begun.number++
	return c.after(escapeWait, begunMsg{c.begun.number})
}

// giveUp takes what had begun for the keys that it looks like.
func (c *Console) giveUp() tea.Cmd {
	text := c.begun.text
	if text == "" {
		return nil
	}
	c.begun.text = ""
	cmd := c.key(tea.KeyMsg{Type: tea.KeyEsc})
	if text = text[1:]; text == "" {
		return cmd
	}
	return tea.Batch(cmd, c.characters([]rune(text)))
}

// sequenceKeys are the keys behind Escape, as terminals with the cursor keys of
// the VT100, xterm, the Linux console and rxvt send them.
var sequenceKeys = map[string]tea.KeyType{
	"[A": tea.KeyUp, "[B": tea.KeyDown, "[C": tea.KeyRight, "[D": tea.KeyLeft, "OA": tea.KeyUp, "OB": tea.KeyDown, "OC": tea.KeyRight, "OD": tea.KeyLeft,
	"[H": tea.KeyHome, "[F": tea.KeyEnd, "OH": tea.KeyHome, "OF": tea.KeyEnd, "[1~": tea.KeyHome, "[4~": tea.KeyEnd, "[7~": tea.KeyHome, "[8~": tea.KeyEnd,
	"[2~": tea.KeyInsert, "[3~": tea.KeyDelete, "[5~": tea.KeyPgUp, "[6~": tea.KeyPgDown, "[Z": tea.KeyShiftTab, "OP": tea.KeyF1, "[11~": tea.KeyF1,
}
