// What bytes mean, and which bytes say the same: byte strings stand as {"bin": hex} (test/protocol/vectors.json).
package main

import (
	"encoding/hex"
	"encoding/json"
	"strings"
)

func vectors(asked words) words {
	if asked.text("verb") == "decode" {
		frame, err := hex.DecodeString(asked.text("hex"))
		if err != nil {
			panic(err)
		}
		messages, err := decode(frame)
		if err != nil {
			return words{"outcome": "failed", "why": err.Error()}
		}
		told, err := json.Marshal(toJSON(messages))
		if err != nil {
			panic(err)
		}
		return words{"outcome": "decoded", "json": string(told)}
	}
	decoder := json.NewDecoder(strings.NewReader(asked.text("json")))
	decoder.UseNumber()
	var messages []any
	if err := decoder.Decode(&messages); err != nil {
		panic(err)
	}
	frame, err := encode(fromJSON(messages).([]any))
	if err != nil {
		panic(err)
	}
	return words{"outcome": "encoded", "hex": hex.EncodeToString(frame)}
}

func toJSON(value any) any {
	switch typed := value.(type) {
	case []byte:
		return map[string]any{"bin": hex.EncodeToString(typed)}
	case []any:
		told := make([]any, len(typed))
		for at, each := range typed {
			told[at] = toJSON(each)
		}
		return told
	case map[string]any:
		told := map[string]any{}
		for key, each := range typed {
			told[key] = toJSON(each)
		}
		return told
	case float64:
		return int64(typed) // A float64 with an integral value is an integer (§1); the protocol has no others.
	}
	return value
}

func fromJSON(value any) any {
	switch typed := value.(type) {
	case json.Number:
		whole, err := typed.Int64()
		if err != nil {
			panic(err)
		}
		return whole
	case []any:
		meant := make([]any, len(typed))
		for at, each := range typed {
			meant[at] = fromJSON(each)
		}
		return meant
	case map[string]any:
		if bin, isBytes := typed["bin"].(string); isBytes && len(typed) == 1 {
			raw, err := hex.DecodeString(bin)
			if err != nil {
				panic(err)
			}
			return raw
		}
		meant := map[string]any{}
		for key, each := range typed {
			meant[key] = fromJSON(each)
		}
		return meant
	}
	return value
}
