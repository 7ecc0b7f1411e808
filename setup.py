"""Packaging: see README.rst for what twisted_router is and how to run it."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="twisted_router",
    version="0.1.0",
    description=(
        "The front door of a container platform: a reverse proxy whose routes come "
        "from Consul, with a registrar for Docker containers."
    ),
    long_description=Path(__file__).with_name("README.rst").read_text("utf-8"),
    long_description_content_type="text/x-rst",
    author="twisted_router developers",
    license="MIT",
    license_files=["LICENSE"],
    keywords="reverse proxy, router, consul, docker, twisted, service discovery",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Framework :: Twisted",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Topic :: Internet :: WWW/HTTP :: HTTP Servers",
        "Topic :: Internet :: Proxy Servers",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    # twisted.plugins is a namespace we add one file to; find_packages cannot see
    # it, because it must not have an __init__.py of ours.
    packages=[
        *find_packages(include=["twisted_router", "twisted_router.*"]),
        "twisted.plugins",
    ],
    package_data={"twisted_router": ["py.typed"]},
    include_package_data=True,
    zip_safe=False,
    install_requires=[
        "Twisted[tls]>=26.10",
        "httptools>=0.9",
        "orjson>=3.13",
        "bcrypt>=5.0",
        "treq>=26.7",
        "prometheus_client>=0.25",
        "click>=8.1",
        "py-consul>=1.8",
        "requests>=2.34",
        "PyYAML>=6.0.3",
        "zope.interface>=8.7",
    ],
    entry_points={
        "console_scripts": ["routerctl = twisted_router.control.command:main"]
    },
    extras_require={
        "dev": [
            "autobahn>=26.10",
            "coverage>=7.17",
            "h11>=0.16",
            "hypothesis>=6.170",
            "mypy>=2.4",
            "mypy-zope>=1.0.17",
            "ruff>=0.17",
            "types-PyYAML",
            "types-requests",
            "wheel",
        ],
    },
)
