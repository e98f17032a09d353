package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// controlHandler is the control API, for tests and people in other processes. Pages of other origins cannot use it.
func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	knob := func(pattern string, f func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			result, err := f(r)
			a := jsonReply(http.StatusOK, result)
			if err != nil {
				a = errorReply(http.StatusBadRequest, err.Error())
			}
			a.header.Set("Cache-Control", "no-store")
			a.write(w, r)
		})
	}
	knob("GET /_simulator/presets", s.controlPresets)
	knob("GET /_simulator/faults", s.controlFaults)
	knob("POST /_simulator/faults", s.controlAddFault)
	knob("DELETE /_simulator/faults", s.controlClearFaults)
	knob("DELETE /_simulator/faults/{id}", s.controlClearFault)
	knob("GET /_simulator/seen", s.controlSeen)
	knob("DELETE /_simulator/seen", s.controlForget)
	knob("GET /_simulator/counts", s.controlCounts)
	knob("GET /_simulator/users", s.controlUsers)
	knob("GET /_simulator/consent", s.controlConsent)
	knob("PUT /_simulator/consent", s.controlSetConsent)
	knob("DELETE /_simulator/consent", s.controlClearConsent)
	knob("PUT /_simulator/refresh-mode", s.controlRefreshMode)
	knob("PUT /_simulator/rate-limit", s.controlRateLimit)
	knob("PUT /_simulator/caching", s.controlCaching)
	knob("POST /_simulator/ban", s.controlBan)
	knob("POST /_simulator/expire-access-tokens", s.controlExpire)
	knob("POST /_simulator/users/{id}/revoke", s.controlRevoke)
	knob("POST /_simulator/users/{id}/remote", s.controlRemote)
	knob("POST /_simulator/authorize", s.controlAuthorize)
	knob("POST /_simulator/advance", s.controlAdvance)
	knob("POST /_simulator/reset", s.controlReset)
	mux.HandleFunc("POST "+presetsPath+"{name}", s.pressPreset)
	mux.HandleFunc("POST /_simulator/end-faults", s.endPresets)
	mux.HandleFunc("GET /_simulator/favicon.svg", favicon)
	mux.HandleFunc("GET /_simulator/images/{kind}/{file}", s.image)
	mux.HandleFunc("GET /_simulator/open/{kind}/{id}", s.open)
	return http.NewCrossOriginProtection().Handler(mux)
}

// decode reads a JSON body strictly.
func decode(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the body is not the expected JSON: %w", err)
	}
	if decoder.More() {
		return errors.New("the body has more than one JSON value; send one")
	}
	return nil
}

type done struct {
	Done bool `json:"done"`
}

func (s *Server) controlPresets(*http.Request) (any, error) {
	list := []Fault{}
	for _, name := range PresetNames() {
		f, err := Preset(name)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

func (s *Server) controlFaults(*http.Request) (any, error) { return s.Faults(), nil }

// controlAddFault reads a fault; {"preset":"api-429"} is the beginning that the other fields change.
func (s *Server) controlAddFault(r *http.Request) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, fmt.Errorf("the body is no JSON object: %w", err)
	}
	var f Fault
	if raw, ok := fields["preset"]; ok {
		var name string
		if err := json.Unmarshal(raw, &name); err != nil {
			return nil, errors.New("preset must be a text")
		}
		if f, err = Preset(name); err != nil {
			return nil, err
		}
	}
	for name := range fields {
		if name != "preset" && !faultFieldNames[name] {
			return nil, fmt.Errorf("a fault has no field %q", name)
		}
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return nil, err
	}
	id, err := s.AddFault(f)
	return map[string]int{"id": id}, err
}

// faultFieldNames are the fields of a fault in JSON; an unknown one is a spelling mistake.
var faultFieldNames = map[string]bool{
	"name": true, "side": true, "method": true, "path": true, "exact": true, "grant": true, "token": true, "skip": true,
	"times": true, "delay": true, "linger": true, "execute": true, "status": true, "body": true, "size": true,
	"header": true, "merge": true, "early": true, "trailer": true, "action": true,
}

func (s *Server) controlClearFaults(*http.Request) (any, error) {
	s.ClearFaults()
	return done{true}, nil
}

func (s *Server) controlClearFault(r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, errors.New("the id of a fault is a number")
	}
	return done{s.ClearFault(id)}, nil
}

// controlSeen lists the log. With wait (a duration) it first waits for n requests (1 unless told), at most a minute.
func (s *Server) controlSeen(r *http.Request) (any, error) {
	q := r.URL.Query()
	f := Filter{
		Match: Match{
			Side: Side(q.Get("side")), Method: q.Get("method"), Path: q.Get("path"), Grant: q.Get("grant"), Token: q.Get("token"),
		},
	}
	numbers := map[string]int{"after": 0, "n": 1}
	for name := range numbers {
		if text := q.Get(name); text != "" {
			number, err := strconv.Atoi(text)
			if err != nil {
				return nil, fmt.Errorf("%s must be a number", name)
			}
			numbers[name] = number
		}
	}
	f.After = numbers["after"]
	for name, flag := range map[string]*bool{"exact": &f.Exact, "done": &f.Done} {
		*flag = q.Get(name) == "true"
	}
	if q.Get("wait") == "" {
		return s.Seen(f), nil
	}
	wait, err := time.ParseDuration(q.Get("wait"))
	if err != nil || wait > time.Minute {
		return nil, errors.New("wait must be a duration up to 1m")
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	found, _ := s.AwaitSeen(ctx, f, numbers["n"]) // too few are an answer, too
	return found, nil
}

func (s *Server) controlForget(*http.Request) (any, error) {
	s.ForgetSeen()
	return done{true}, nil
}

func (s *Server) controlCounts(*http.Request) (any, error) { return s.Counts(), nil }

func (s *Server) controlUsers(*http.Request) (any, error) {
	type user struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		Product    string `json:"product"`
		Registered bool   `json:"registered"`
	}
	list := []user{}
	for _, u := range s.order {
		list = append(list, user{u.ID, u.Name, u.Product, !u.Unregistered})
	}
	return list, nil
}

func (s *Server) controlConsent(*http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.decision, nil
}

func (s *Server) controlSetConsent(r *http.Request) (any, error) {
	var c Consent
	if err := decode(r, &c); err != nil {
		return nil, err
	}
	return done{true}, s.SetConsent(c)
}

func (s *Server) controlClearConsent(*http.Request) (any, error) {
	s.ClearConsent()
	return done{true}, nil
}

func (s *Server) controlRefreshMode(r *http.Request) (any, error) {
	var body struct {
		Mode RefreshMode `json:"mode"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	return done{true}, s.SetRefreshMode(body.Mode)
}

func (s *Server) controlRateLimit(r *http.Request) (any, error) {
	var l RateLimit
	if err := decode(r, &l); err != nil {
		return nil, err
	}
	return done{true}, s.SetRateLimit(l)
}

func (s *Server) controlCaching(r *http.Request) (any, error) {
	var body struct {
		On bool `json:"on"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	s.SetCaching(body.On)
	return done{true}, nil
}

func (s *Server) controlBan(r *http.Request) (any, error) {
	var body struct {
		Client string   `json:"client"`
		For    Duration `json:"for"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	return done{true}, s.Ban(body.Client, time.Duration(body.For))
}

func (s *Server) controlExpire(*http.Request) (any, error) {
	return map[string]int{"expired": s.ExpireAccessTokens()}, nil
}

func (s *Server) controlRevoke(r *http.Request) (any, error) {
	count, err := s.RevokeUser(r.PathValue("id"))
	return map[string]int{"revoked": count}, err
}

func (s *Server) controlRemote(r *http.Request) (any, error) {
	var remote Remote
	if err := decode(r, &remote); err != nil {
		return nil, err
	}
	return done{true}, s.Remote(r.PathValue("id"), remote)
}

func (s *Server) controlAuthorize(r *http.Request) (any, error) {
	var body struct {
		Client string   `json:"client"`
		User   string   `json:"user"`
		Scopes []string `json:"scopes"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	return s.Authorize(body.Client, body.User, body.Scopes...)
}

func (s *Server) controlAdvance(r *http.Request) (any, error) {
	var body struct {
		By string `json:"by"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(body.By)
	if err != nil {
		return nil, fmt.Errorf("by %q is not a duration; write one such as 4320h", body.By)
	}
	return done{true}, s.Advance(d)
}

func (s *Server) controlReset(*http.Request) (any, error) {
	s.Reset()
	return done{true}, nil
}
