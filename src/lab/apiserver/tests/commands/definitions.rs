//! Custom resource definitions as kubectl users meet them.

use super::shell::Shell;

const DEFINITION: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Mode, type: string, jsonPath: .spec.mode, priority: 1}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            description: What the widget is to be.
            required: [size]
            properties:
              size: {type: integer, format: int32, minimum: 1, maximum: 10}
              mode: {type: string, enum: [slow, fast], default: slow}
              name: {type: string, pattern: '^\w+-\d{2}$', maxLength: 8}
              at: {type: string, format: date-time}
              port: {x-kubernetes-int-or-string: true}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              tags: {type: array, items: {type: string}, x-kubernetes-list-type: set, maxItems: 3}
          status:
            type: object
            properties: {size: {type: integer}, phase: {type: string}}
"#;

fn widget(spec: &str) -> String {
    format!("{{apiVersion: example.com/v1, kind: Widget, metadata: {{name: w}}, spec: {{{spec}}}}}")
}

async fn with_definition() -> Shell {
    let shell = Shell::start().await;
    shell.takes("apply -f -", DEFINITION, "created").await;
    shell.prints("wait --for=condition=Established crd/widgets.example.com", "met").await;
    shell
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn custom_objects_have_defaults_columns_and_subresources() {
    let shell = with_definition().await;
    shell
        .takes("apply -f -", &widget("size: 3, free: {any: 1}"), "widget.example.com/w created")
        .await;
    for (line, wanted) in [
        ("get wd", "SIZE"),
        ("get wd -o wide", "slow"),
        ("get all", "widget.example.com/w"),
        ("get wd w -o jsonpath='{.spec.mode} {.spec.free.any}'", "slow 1"),
        ("describe wd w", "Mode:"),
        ("scale wd w --replicas=5", "scaled"),
        ("get wd w -o jsonpath='{.spec.size}'", "5"),
        ("explain widget.spec", "What the widget is to be."),
        ("explain widget.spec --recursive", "size\t<integer> -required-"),
        ("explain widget.spec.mode", "ENUM:"),
        ("api-resources --api-group=example.com", "wd"),
        (
            "patch wd w --type=merge -p '{\"spec\":{\"mode\":\"fast\"},\"status\":{\"phase\":\"x\"}}'",
            "patched",
        ),
        ("get wd w -o jsonpath='{.spec.mode}|{.status.phase}|'", "fast||"),
        (
            "patch wd w --subresource=status --type=merge -p '{\"spec\":{\"size\":9},\"status\":{\"phase\":\"x\"}}'",
            "patched",
        ),
        ("get wd w -o jsonpath='{.spec.size}|{.status.phase}|'", "5|x|"),
        ("label wd w a=b", "labeled"),
    ] {
        shell.prints(line, wanted).await;
    }
    let manager = "apply --server-side --field-manager=me --force-conflicts -f -";
    shell.takes(manager, &widget("size: 4"), "serverside-applied").await;
    shell.prints("delete crd widgets.example.com", "deleted").await;
    shell.refuses("get wd", "", "the server could not find the requested resource").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn custom_objects_are_checked_by_their_schema() {
    let shell = with_definition().await;
    for (spec, wanted) in [
        ("size: \"x\"", "spec.size in body must be of type integer: \"string\""),
        ("mode: fast", "spec.size: Required value"),
        ("size: 0", "spec.size in body should be greater than or equal to 1"),
        ("size: 11", "spec.size in body should be less than or equal to 10"),
        (
            "size: 1, mode: other",
            "Unsupported value: \"other\": supported values: \"slow\", \"fast\"",
        ),
        ("size: 1, name: bad", "spec.name in body should match"),
        ("size: 1, name: abcdefgh-12", "Too long: may not be more than 8 bytes"),
        ("size: 1, at: soon", "spec.at in body must be of type date-time: \"soon\""),
        ("size: 1, port: true", "must be of type integer,string"),
        ("size: 1, tags: [a, a]", "spec.tags[1]: Duplicate value: \"a\""),
        ("size: 1, tags: [a, b, c, d]", "must have at most 3 items"),
    ] {
        shell.refuses("create --validate=ignore -f -", &widget(spec), wanted).await;
    }
    let junk = widget("size: 1, junk: 1");
    shell.refuses("create --validate=strict -f -", &junk, "unknown field \"spec.junk\"").await;
    let warned = "Warning: unknown field \"spec.junk\"";
    shell.takes("create --validate=warn -f -", &junk, warned).await;
    shell.prints("get wd w -o jsonpath='{.spec}'", "{\"mode\":\"slow\",\"size\":1}").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn definitions_are_checked() {
    let shell = Shell::start().await;
    for (from, to, wanted) in [
        (
            "name: widgets.example.com",
            "name: other.example.com",
            "must be spec.names.plural+\".\"+spec.group",
        ),
        ("scope: Namespaced", "scope: Everywhere", "Unsupported value: \"Everywhere\""),
        ("storage: true", "storage: false", "exactly one version marked as storage version"),
        (
            "type: integer, jsonPath: .spec.size",
            "type: number8, jsonPath: .spec.size",
            "additionalPrinterColumns[0].type: Unsupported value",
        ),
        (
            "status: {}, scale: {specReplicasPath: .spec.size",
            "scale: {specReplicasPath: .size",
            "should be a json path under .spec.",
        ),
        ("at: {type: string, format", "at: {format", "properties[at].type: Required value"),
        ("default: slow", "default: none", "default: Unsupported value"),
        ("items: {type: string}, ", "", "items: Required value"),
    ] {
        assert!(DEFINITION.contains(from), "{from}");
        let wrong = DEFINITION.replace(from, to);
        shell.refuses("create --validate=ignore -f -", &wrong, wanted).await;
    }
}
