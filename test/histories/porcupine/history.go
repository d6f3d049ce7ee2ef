// The lines of a history (verification.md §4), and the rules that need no search: a watch tells each thing once, a process
// does one thing at a time, a request is granted once.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

type holder struct {
	Client string `json:"client"`
	Mode   string `json:"mode"`
}

type line struct {
	T            string  `json:"t"`
	ClockErrorNs int64   `json:"clock_error_ns"`
	Process      int64   `json:"process"`
	Session      string  `json:"session"`
	ID           int64   `json:"id"`
	Op           string  `json:"op"`
	Resource     *string `json:"resource"`
	Call         int64   `json:"call"`
	Return       *int64  `json:"return"`
	Args         struct {
		Mode        string `json:"mode"`
		WaitMs      int64  `json:"wait_ms"`
		Permits     int    `json:"permits"`
		LockDelayMs int64  `json:"lock_delay_ms"`
		ID          int64  `json:"id"`
	} `json:"args"`
	Outcome string `json:"outcome"`
	Token   *int64 `json:"token"`
	Result  struct {
		Holders []holder        `json:"holders"`
		Waiters int             `json:"waiters"`
		Holder  json.RawMessage `json:"holder"`
		Queue   int             `json:"queue"`
		Count   *int            `json:"count"`
	} `json:"result"`
	Mode string `json:"mode"`
	From int64  `json:"from"`
	To   int64  `json:"to"`
	Kind string `json:"kind"`
	At   int64  `json:"at"`
}

func (l *line) token() int64 {
	if l.Token == nil {
		return 0
	}
	return *l.Token
}

func (l *line) count() int {
	if l.Result.Count == nil {
		return 1
	}
	return *l.Result.Count
}

func readHistory(path string) ([]*line, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<20)
	var lines []*line
	for {
		text, err := reader.ReadBytes('\n')
		if len(text) > 0 {
			one := new(line)
			if err := json.Unmarshal(text, one); err != nil {
				return nil, fmt.Errorf("line %d: %w", len(lines)+1, err)
			}
			lines = append(lines, one)
		}
		if err == io.EOF {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// processesOf says which process had two operations open at once.
func processesOf(lines []*line) []string {
	var found []string
	busyUntil := map[int64]int64{}
	for n, l := range lines {
		if l.T != "op" {
			continue
		}
		if until, ok := busyUntil[l.Process]; ok && l.Call < until {
			found = append(found, fmt.Sprintf("line %d: process %d had two operations open at once", n+1, l.Process))
		}
		busyUntil[l.Process] = never
		if l.Return != nil {
			busyUntil[l.Process] = *l.Return
		}
	}
	return found
}

// requestsOf says which request was granted twice, or granted and cancelled.
func requestsOf(lines []*line) []string {
	type request struct {
		resource, session string
		id                int64
	}
	var found []string
	granted := map[request]bool{}
	for n, l := range lines {
		if l.T != "op" || l.Op != "acquire" || l.Outcome != "granted" || l.Session == "" {
			continue
		}
		key := request{*l.Resource, l.Session, l.ID}
		if granted[key] {
			found = append(found, fmt.Sprintf("line %d: request %d was granted twice", n+1, l.ID))
		}
		granted[key] = true
	}
	for n, l := range lines {
		if l.T == "op" && l.Op == "cancel" && l.Outcome == "cancelled" &&
			granted[request{*l.Resource, l.Session, l.Args.ID}] {
			found = append(found, fmt.Sprintf("line %d: request %d was cancelled, and granted", n+1, l.Args.ID))
		}
	}
	return found
}

type told struct {
	granted []int64
	seen    map[string]bool
	ended   map[int64]bool
}

// watchesOf says what a watch told twice, left out, or made up.
func watchesOf(lines []*line) []string {
	grants, sure := grantsOf(lines)
	var found []string
	watches := map[string]*told{}
	for n, l := range lines {
		if l.T != "watch" {
			continue
		}
		if l.Kind == "resync" {
			for key := range watches {
				if len(key) > 0 && processOf(key) == l.Process {
					delete(watches, key)
				}
			}
			continue
		}
		key := fmt.Sprintf("%d %s", l.Process, *l.Resource)
		w := watches[key]
		if w == nil {
			w = &told{seen: map[string]bool{}, ended: map[int64]bool{}}
			watches[key] = w
		}
		if why := w.take(l, grants[*l.Resource], sure[*l.Resource]); why != "" {
			found = append(found, fmt.Sprintf("line %d: %s: %s", n+1, *l.Resource, why))
		}
	}
	return found
}

func processOf(key string) int64 {
	var process int64
	fmt.Sscanf(key, "%d", &process)
	return process
}

// grantsOf maps each resource to the modes of its tokens, and says where every grant is known.
func grantsOf(lines []*line) (map[string]map[int64]string, map[string]bool) {
	grants := map[string]map[int64]string{}
	sure := map[string]bool{}
	for _, l := range lines {
		if l.T != "op" || l.Op != "acquire" {
			continue
		}
		if grants[*l.Resource] == nil {
			grants[*l.Resource] = map[int64]string{}
			sure[*l.Resource] = true
		}
		if l.Outcome == "granted" {
			grants[*l.Resource][l.token()] = l.Args.Mode
		} else if l.Outcome == "unknown" {
			sure[*l.Resource] = false
		}
	}
	return grants, sure
}

func (w *told) take(l *line, grants map[int64]string, sure bool) string {
	token := l.token()
	if l.Kind == "revoked" {
		return ""
	}
	if l.Kind != "granted" {
		if w.ended[token] {
			return fmt.Sprintf("the end of token %d is told twice", token)
		}
		w.ended[token] = true
		if len(w.granted) > 0 && token > w.granted[0] && !w.seen[fmt.Sprint(token)] {
			return fmt.Sprintf("the end of token %d is told, and not its grant", token)
		}
		return ""
	}
	if w.seen[fmt.Sprint(token)] {
		return fmt.Sprintf("token %d is told as granted twice", token)
	}
	if _, known := grants[token]; sure && !known {
		return fmt.Sprintf("token %d is told, which nobody got", token)
	}
	for _, before := range w.granted {
		if before > token {
			return fmt.Sprintf("token %d is told after %d", token, before)
		}
		if grants[token] == "exclusive" && !w.ended[before] && sure {
			return fmt.Sprintf("token %d is told before the end of token %d", token, before)
		}
	}
	w.seen[fmt.Sprint(token)] = true
	w.granted = append(w.granted, token)
	return ""
}
