// A second opinion on histories, by porcupine's search: the same lines as our own checker, another author, another
// algorithm. Each file is told as good or bad; with -bad every file has to be bad.
package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

const never = math.MaxInt64 / 4

var (
	bad        = flag.Bool("bad", false, "every history has to be bad")
	patience   = flag.Duration("patience", 60*time.Second, "how long to search at one resource")
	operations = flag.Int("operations", 10000, "leave out resources with more operations")
)

func main() {
	flag.Parse()
	wrong := 0
	for _, path := range flag.Args() {
		lines, err := readHistory(path)
		if err != nil {
			fmt.Printf("%s: %v\n", path, err)
			wrong++
			continue
		}
		found := append(append(processesOf(lines), requestsOf(lines)...), watchesOf(lines)...)
		found = append(found, orderOf(path, lines)...)
		if (len(found) > 0) != *bad {
			wrong++
		}
		if *bad && len(found) == 0 {
			fmt.Printf("%s: passes, and should not\n", path)
		}
		for _, why := range found {
			if !*bad {
				fmt.Printf("%s: %s\n", path, why)
			}
		}
	}
	fmt.Printf("porcupine: %d histories, %d not as expected\n", flag.NArg(), wrong)
	if wrong > 0 || flag.NArg() == 0 {
		os.Exit(1)
	}
}

func orderOf(path string, lines []*line) []string {
	byResource := map[string][]*line{}
	errorNs := int64(0)
	for _, l := range lines {
		if l.T == "history" {
			errorNs = l.ClockErrorNs
		} else if l.Resource != nil && (l.T == "op" || l.T == "believe") {
			byResource[*l.Resource] = append(byResource[*l.Resource], l)
		}
	}
	names := make([]string, 0, len(byResource))
	for name := range byResource {
		names = append(names, name)
	}
	sort.Strings(names)
	var found []string
	for _, name := range names {
		about := byResource[name]
		if len(about) > *operations {
			fmt.Printf("%s: %s has %d operations, and is left out\n", path, name, len(about))
			continue
		}
		history, why := operationsOf(about, errorNs)
		if why != "" {
			found = append(found, name+": "+why)
			continue
		}
		switch porcupine.CheckOperationsTimeout(modelOfResource(), history, *patience) {
		case porcupine.Illegal:
			found = append(found, name+": no order of operations explains the answers")
		case porcupine.Unknown:
			fmt.Printf("%s: %s: not decided within %v\n", path, name, *patience)
			if !*bad {
				found = append(found, name+": not decided")
			}
		}
	}
	return found
}

// operationsOf makes porcupine's operations out of lines. What has no effect, or none that can be told from the end of a
// lease, is left out.
func operationsOf(lines []*line, errorNs int64) ([]porcupine.Operation, string) {
	var history []porcupine.Operation
	add := func(in *input, call, ret int64) {
		history = append(history, porcupine.Operation{ClientId: int(in.Process), Input: in, Call: call - errorNs, Return: ret + errorNs})
	}
	for _, l := range lines {
		if l.T == "believe" {
			held := &input{line: l, believed: true}
			add(held, l.From, l.From)
			if !mayBeForced(lines, l) {
				add(held, l.To, l.To)
			}
			continue
		}
		if l.Outcome == "refused" || l.Op == "cancel" {
			continue
		}
		if l.Return == nil && l.Op != "acquire" && l.Op != "force-release" {
			continue
		}
		ret := int64(never)
		if l.Return != nil {
			ret = *l.Return
		}
		waits := waitsWithin(lines, l, l.Call-errorNs, ret+errorNs)
		if l.Op == "check" && l.Result.Waiters > waits || l.Outcome == "busy" && l.Result.Queue > waits {
			return nil, fmt.Sprintf("more are told to wait than the %d that can", waits)
		}
		add(&input{line: l, mayWait: waits > 0}, l.Call, ret)
	}
	return history, ""
}

// waitsWithin counts the others' waits that may have gone on at some moment of [call, ret].
func waitsWithin(lines []*line, but *line, call, ret int64) int {
	count := 0
	for _, l := range lines {
		if l != but && l.Op == "acquire" && l.Args.WaitMs > 0 && l.Call <= ret && (l.Return == nil || *l.Return >= call) {
			count++
		}
	}
	return count
}

// mayBeForced: an administrator may have ended the claim while its client believed.
func mayBeForced(lines []*line, belief *line) bool {
	for _, l := range lines {
		if l.Op != "force-release" || (l.Outcome != "ok" && l.Outcome != "unknown") || l.Call > belief.To {
			continue
		}
		if l.token() == 0 || l.token() == belief.token() {
			return true
		}
	}
	return false
}
