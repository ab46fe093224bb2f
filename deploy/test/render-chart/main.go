// Command render-chart prints the output of `helm template` for tests on machines without Helm. Like Helm, it uses Go's
// text/template with the functions of sprig and a few more.
//
//	render-chart CHART NAMESPACE [VALUES.json]
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/ghodss/yaml"
)

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: render-chart CHART NAMESPACE [VALUES.json]"))
	}
	chart, namespace := os.Args[1], os.Args[2]
	values := object(filepath.Join(chart, "values.yaml"))
	if len(os.Args) > 3 {
		merge(values, object(os.Args[3]))
	}
	about := object(filepath.Join(chart, "Chart.yaml"))

	all := template.New("chart").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	functions["toYaml"] = func(value interface{}) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	functions["include"] = func(name string, data interface{}) (string, error) {
		var text strings.Builder
		err := all.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	all.Funcs(functions)
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	fail(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		fail(err)
		template.Must(all.New(filepath.Base(file)).Parse(string(text)))
	}
	// Helm capitalises the fields of Chart.yaml.
	data := map[string]interface{}{
		"Values":  values,
		"Release": map[string]interface{}{"Name": "cnikit", "Namespace": namespace, "Service": "Helm"},
		"Chart":   map[string]interface{}{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
	}
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "_") {
			continue
		}
		fmt.Println("---")
		fail(all.ExecuteTemplate(os.Stdout, filepath.Base(file), data))
	}
}

// merge overrides the first value with the second, as Helm does: objects by key, everything else as a whole.
func merge(into, over map[string]interface{}) {
	for key, value := range over {
		inner, ok := value.(map[string]interface{})
		existing, both := into[key].(map[string]interface{})
		if ok && both {
			merge(existing, inner)
		} else {
			into[key] = value
		}
	}
}

func object(file string) map[string]interface{} {
	text, err := os.ReadFile(file)
	fail(err)
	text, err = yaml.YAMLToJSON(text)
	fail(err)
	value := map[string]interface{}{}
	fail(json.Unmarshal(text, &value))
	return value
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "render-chart:", err)
		os.Exit(1)
	}
}
