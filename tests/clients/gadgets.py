"""A custom resource for scripts that need one, made with lightkube."""

from lightkube import Client
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.apiextensions_v1 import (
    CustomResourceDefinitionNames,
    CustomResourceDefinitionSpec,
    CustomResourceDefinitionVersion,
    CustomResourceSubresources,
    CustomResourceValidation,
    JSONSchemaProps,
)
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition

Gadget = create_namespaced_resource("shop.example", "v1", "Gadget", "gadgets")


def define(client: Client) -> None:
    number = JSONSchemaProps(type="integer")
    spec = JSONSchemaProps(type="object", properties={"size": number})
    status = JSONSchemaProps(type="object", properties={"seen": number})
    schema = JSONSchemaProps(type="object", properties={"spec": spec, "status": status})
    version = CustomResourceDefinitionVersion(
        name="v1",
        served=True,
        storage=True,
        schema=CustomResourceValidation(schema),
        subresources=CustomResourceSubresources(status={}),
    )
    names = CustomResourceDefinitionNames(plural="gadgets", kind="Gadget")
    client.create(
        CustomResourceDefinition(
            metadata=ObjectMeta(name="gadgets.shop.example"),
            spec=CustomResourceDefinitionSpec("shop.example", names, "Namespaced", [version]),
        )
    )
