package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"jcsnode/findings"
	"jcsnode/status"
	"jcsnode/store"
	"jcsnode/web/access"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed static/*
var staticFiles embed.FS

// pages are the templates, each with the frame around it.
var pages = parsePages()

func parsePages() map[string]*template.Template {
	functions := template.FuncMap{
		"clock": clock,
		"bytes": store.Bytes,
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"count": status.Plural,
		// button is a form of one button; what it is about is said to those who cannot see where it stands.
		"button": func(kind, of, name string) map[string]string {
			return map[string]string{"Kind": kind, "Of": of, "Name": name, "About": of}
		},
		// figure is a picture over a slice, or the words in its place.
		"figure": func(s shot, layer, name, without string) map[string]any {
			return map[string]any{"Has": s.Has(layer), "Layer": layer, "Name": name, "Without": without, "Base": s.Base,
				"Number": s.Number}
		},
	}
	frame := template.Must(template.New("frame.html").Funcs(functions).ParseFS(pageFiles, "pages/frame.html"))
	all := map[string]*template.Template{}
	names, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		panic(err) // a pattern that is wrong as written
	}
	for _, name := range names {
		if base := strings.TrimSuffix(path.Base(name), ".html"); base != "frame" {
			all[base] = template.Must(template.Must(frame.Clone()).ParseFS(pageFiles, name))
		}
	}
	return all
}

// clock is a time as people here read it; of today without the day.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.Local()
	if now := time.Now(); t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04")
}

// frame is what is around every page.
type frame struct {
	Title  string
	Here   string // which entry of the navigation is this page
	User   string
	MayAct bool
	LogsIn bool // somebody can log out
	Live   bool // follow what happens
	Tries  bool // studies can be tried here
	Again  bool // what is shown changes soon
	Notice string
	Main   any
}

func (s *Server) frame(title, here string, user access.User) frame {
	mayAct := user.Role == access.Act
	return frame{Title: title, Here: here, User: user.Name, MayAct: mayAct, LogsIn: s.Guard.LogsIn(), Tries: mayAct && s.Try != nil}
}

// render writes a page whole, or an error in its stead.
func (s *Server) render(w http.ResponseWriter, code int, name string, f frame, main any) {
	f.Main, f.Notice = main, findings.Notice
	var page bytes.Buffer
	if err := pages[name].ExecuteTemplate(&page, "frame.html", f); err != nil {
		s.Logger.Error("a page could not be made", "page", name, "error", err)
		http.Error(w, notMade, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	w.Write(page.Bytes()) // who has gone needs no answer
}

// asksForPage tells whether a person waits for the answer, not a script or a picture.
func asksForPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && r.Header.Get("Sec-Fetch-Mode") != "cors"
}

func queryEscape(text string) string { return url.QueryEscape(text) }

// contentTypes of what is static: a browser is told, and must not guess.
var contentTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func serveStatic(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, err := staticFiles.ReadFile("static/" + name)
	if err != nil {
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", contentTypes[path.Ext(name)])
	w.Header().Set("Cache-Control", "no-cache") // a new version of the node has new ones
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	w.Write(content)
}
