"""Two routes: the back office asks for a link, the person opens it."""

import os

import sesame.utils
from django.contrib.auth.models import User
from django.http import JsonResponse
from django.urls import path
from django.utils.crypto import constant_time_compare
from sesame.views import LoginView

BEARER = f"Bearer {os.environ['BENCH_KEY']}"


def issue(request, number):
    if not constant_time_compare(request.headers.get("Authorization", ""), BEARER):
        return JsonResponse({"message": "unauthenticated"}, status=401)
    try:
        user = User.objects.get(pk=number, is_active=True)
    except User.DoesNotExist:
        return JsonResponse({"message": "not found"}, status=404)
    return JsonResponse({"link": "https://portal.example.com/login" + sesame.utils.get_query_string(user)})


urlpatterns = [path("issue/<int:number>", issue), path("login", LoginView.as_view())]
