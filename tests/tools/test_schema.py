"""The generator on a release of one kind, small enough to read."""

from __future__ import annotations

import json
import lzma
from typing import Any

import pytest

from tools.schema import openapi, printers, protobuf
from tools.schema.build import build, packed
from tools.schema.enums import Enums

SHOP = "io.k8s.api.shop.v1."
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"

DOCUMENT = {
    "components": {
        "schemas": {
            SHOP + "Till": {
                "type": "object",
                "description": "prose that must not be taken over",
                "properties": {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": {"allOf": [{"$ref": f"#/components/schemas/{META}ObjectMeta"}], "default": {}},
                    "spec": {"allOf": [{"$ref": f"#/components/schemas/{SHOP}TillSpec"}], "default": {}},
                },
                "x-kubernetes-group-version-kind": [{"group": "shop", "version": "v1", "kind": "Till"}],
            },
            SHOP + "TillSpec": {
                "type": "object",
                "required": ["drawers"],
                "properties": {
                    "drawers": {
                        "type": "array",
                        "items": {"allOf": [{"$ref": f"#/components/schemas/{SHOP}Drawer"}]},
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name"],
                        "x-kubernetes-patch-strategy": "merge,retainKeys",
                        "x-kubernetes-patch-merge-key": "name",
                    },
                    "limits": {
                        "type": "object",
                        "additionalProperties": {"$ref": f"#/components/schemas/{QUANTITY}"},
                        "x-kubernetes-map-type": "atomic",
                    },
                    "protocol": {"type": "string", "default": "TCP"},
                    "replicas": {"type": "integer", "format": "int32"},
                    "hostPath": {"type": "string"},
                },
            },
            SHOP + "Drawer": {"type": "object", "properties": {"name": {"type": "string", "default": ""}}},
            SHOP + "Unrelated": {"type": "object"},
            META + "ObjectMeta": {"type": "object", "properties": {"uid": {"type": "string"}}},
            QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
        }
    }
}  # fmt: skip
DISCOVERY = [
    {
        "groupVersion": "shop/v1",
        "resources": [
            {
                "name": "tills",
                "singularName": "till",
                "namespaced": True,
                "kind": "Till",
                "verbs": ["create", "get"],
                "shortNames": ["tl"],
                "categories": ["all"],
            },
            {"name": "tills/scale", "kind": "Scale", "group": "autoscaling", "version": "v1", "verbs": ["get"]},
        ],
    },
    {"groupVersion": "shop/v1beta1", "resources": [{"name": "tills", "kind": "Till"}]},
]
PROTO = """
package k8s.io.api.shop.v1;

// Prose.
message Till {
  optional .k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta metadata = 1;
  optional TillSpec spec = 2; // more prose
}

message TillSpec {
  repeated Drawer drawers = 1;
  map<string, .k8s.io.apimachinery.pkg.api.resource.Quantity> limits = 2;
  optional string protocol = 3;
  optional int32 replicas = 5;
  optional TillSource tillSource = 7;
}

message TillSource {
  optional string hostPath = 4;
}

message Drawer {
  optional string name = 1;
}
"""
META_PROTO = """
package k8s.io.apimachinery.pkg.apis.meta.v1;
message ObjectMeta {
  optional string uID = 5;
}
"""
STRUCTS = """
// Protocol is what a till speaks.
// +enum
type Protocol string

const (
	ProtocolUDP Protocol = "UDP"
	// ProtocolTCP is another.
	ProtocolTCP Protocol = "TCP" // the usual one
)

type TillSpec struct {
	Drawers  []Drawer `json:"drawers" protobuf:"x"`
	Protocol Protocol `json:"protocol,omitempty"`
	Replicas *int32 `json:"replicas,omitempty" protobuf:"varint,5,opt,name=replicas"`
	TillSource `json:",inline"`
}
"""
PRINTERS = """
	tillColumns := []metav1.TableColumnDefinition{
		{Name: "Name", Type: "string", Format: "name", Description: "prose"},
		// a remark
		{Name: "Drawers", Type: "integer", Priority: 1, Description: "prose"},
	}
	_ = h.TableHandler(tillColumns, printTill)
	_ = h.TableHandler(tillColumns, printTillList)

func printTill(obj *shop.Till, options printers.GenerateOptions) ([]metav1.TableRow, error) {
func printTillList(list *shop.TillList, options printers.GenerateOptions) ([]metav1.TableRow, error) {
"""


class Sample:
    version = "v1.99.0"

    def openapi(self) -> list[dict[str, Any]]:
        return [DOCUMENT]

    def discovery(self) -> list[dict[str, Any]]:
        return DISCOVERY

    def protobuf(self) -> list[str]:
        return [PROTO, META_PROTO]

    def structs(self) -> list[tuple[str, str]]:
        return [("io.k8s.api.shop.v1", STRUCTS)]

    def printers(self) -> str:
        return PRINTERS


def test_the_file_is_what_the_sources_say() -> None:
    made = json.loads(lzma.decompress(packed(build(Sample()))))
    assert made == {
        "release": "v1.99.0",
        "resources": {
            "shop/v1": [
                [
                    "Till",
                    "tills",
                    "tl",
                    1,
                    {"categories": "all", "verbs": "create get", "subs": {"scale": "autoscaling/v1 Scale"}},
                ]
            ]
        },
        "kinds": {"shop/v1 Till": SHOP + "Till"},
        "types": {
            SHOP + "Drawer": [{"name": "str"}, []],
            SHOP + "Till": [
                {"apiVersion": "str", "kind": "str", "metadata": META + "ObjectMeta", "spec": SHOP + "TillSpec"},
                [],
            ],
            SHOP + "TillSpec": [
                {
                    "drawers": "[" + SHOP + "Drawer",
                    "hostPath": "str",
                    "limits": "{quantity",
                    "protocol": "str",
                    "replicas": "int",
                },
                ["drawers"],
            ],
            META + "ObjectMeta": [{"uid": "str"}, []],
        },
        "merge": {
            "lists": {SHOP + "TillSpec.drawers": ["name", "name", "retainKeys"]},
            "retain": [],
            "atomic": [],
            "atomic_fields": [SHOP + "TillSpec.limits"],
        },
        "defaults": {SHOP + "TillSpec.protocol": "TCP"},
        "enums": {SHOP + "TillSpec": {"protocol": ["TCP", "UDP"]}},
        "protobuf": {
            SHOP + "Drawer": {"1": "name"},
            SHOP + "Till": {"1": "metadata", "2": "spec"},
            SHOP + "TillSpec": {
                "1": "drawers",
                "2": "limits",
                "3": "protocol",
                "5": "replicas!",
                "7": {"4": "hostPath"},
            },
            META + "ObjectMeta": {"5": "uid"},
        },
        "columns": {"Till": [["Name", "string", "name", 0], ["Drawers", "integer", "", 1]]},
    }


def test_the_same_release_makes_the_same_bytes() -> None:
    assert packed(build(Sample())) == packed(build(Sample()))


ELSEWHERE = """
import (
	core "k8s.io/api/shop/v1"
)

// +enum
type Family string

// Another name of it.
// +enum
type Kind = Family

const (
	FamilyTCP = Family(core.ProtocolTCP)
	FamilyOther = Family("Other")
)

type Inner struct {
	Families []Kind `json:"families"`
	Protocol *core.Protocol `json:"protocol,omitempty"`
}

type Outer struct {
	Inner `json:",inline" protobuf:"x"`
	Name string `json:"name"`
}
"""


def test_enumerated_fields_are_found_behind_imports_and_other_structs() -> None:
    enums = Enums()
    enums.add("io.k8s.api.other.v1", ELSEWHERE)
    enums.add("io.k8s.api.shop.v1", STRUCTS)
    found = enums.fields(["io.k8s.api.other.v1.Outer"])
    assert found == {"io.k8s.api.other.v1.Outer": {"families": ["Other", "TCP"], "protocol": ["TCP", "UDP"]}}


def test_an_enumerated_type_that_is_not_understood_is_not_dropped() -> None:
    enums = Enums()
    with pytest.raises(ValueError, match="no type of texts"):
        enums.add("io.k8s.api.shop.v1", STRUCTS.replace("type Protocol string", "type Protocol int"))
    enums.add("io.k8s.api.shop.v1", STRUCTS.replace("const (", "const ( /*").replace("Protocol =", "other ="))
    with pytest.raises(ValueError, match="Protocol has no values"):
        enums.fields([SHOP + "TillSpec"])


def test_what_is_not_understood_is_not_dropped() -> None:
    with pytest.raises(ValueError, match="2 lines, 1 understood"):
        printers.columns(PRINTERS.replace('Name: "Drawers", Type', 'Title: "Drawers", Type'))
    with pytest.raises(ValueError, match="not understood"):
        protobuf.messages(PROTO.replace("optional string protocol = 3;", "oneof protocol {"))
    renamed = protobuf.Sources(protobuf.messages(PROTO.replace("name = 1", "title = 1")), {})
    with pytest.raises(ValueError, match="no JSON name for title"):
        renamed.numbers({SHOP + "Drawer": [{"name": "str"}, []]})
    with pytest.raises(ValueError, match="no known scalar"):
        openapi.Types().add({"components": {"schemas": {"io.k8s.New": {"type": "string"}}}})
